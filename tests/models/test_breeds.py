"""Breeds, and when a set of classes is one of cats and dogs."""

import pytest

from models.breeds import (
    CATS,
    DOGS,
    OXFORD_CATS,
    OXFORD_DOGS,
    breed_groups,
    capital_groups,
    species,
)


def test_the_lists_are_those_of_the_data_sets() -> None:
    assert (len(OXFORD_CATS), len(OXFORD_DOGS)) == (12, 25)
    assert not CATS & DOGS


@pytest.mark.parametrize("name", ["Maine_Coon", "maine coon", "Maine-Coon", " MAINE_COON "])
def test_a_breed_is_known_however_it_is_spelled(name: str) -> None:
    assert species(name) == "cat"


def test_a_name_of_stanford_dogs() -> None:
    assert species("n02085936-Maltese_dog") == species("n02105641-Old_English_sheepdog") == "dog"


@pytest.mark.parametrize(
    "class_names",
    [
        ["Car", "Truck", "bicycle"],
        ["Bengal", "pug", "Truck"],  # one unknown name is enough
        ["Bengal", "Persian"],  # no dogs: one group explains nothing
        ["beagle", "pug"],
        ["cat", "dog"],
        [],
    ],
)
def test_nothing_is_called_cat_or_dog_unless_every_name_is_known(class_names: list[str]) -> None:
    assert breed_groups(class_names) == {}


def test_capitals() -> None:
    assert capital_groups(["Unheard_Of", "unheard_of"]) == {"Unheard_Of": "cat", "unheard_of": "dog"}
