import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.cell_name import GroupName, cell_name, parsed_cell

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
sides = st.one_of(st.none(), names, names.map(GroupName), names.map("group:{}".format))


@given(sides, sides)
@example("group:", GroupName("group:"))
@example("50/50", "%2F")
@example(GroupName("a/b"), "group%3Aa")
@settings(deadline=None)
def test_every_cell_comes_back_from_its_name(label: str | None, predicted: str | None) -> None:
    found = parsed_cell(cell_name(label, predicted))
    assert found == (label, predicted)
    assert [type(side) for side in found] == [type(label), type(predicted)]


@pytest.mark.parametrize(
    ("label", "predicted", "text"),
    [
        ("Bengal", "Egyptian_Mau", "Bengal/Egyptian_Mau"),
        ("Bengal", None, "Bengal/"),
        (None, "Bengal", "/Bengal"),
        (None, None, "/"),
        (GroupName("cat"), GroupName("dog"), "group:cat/group:dog"),
        ("group:cat", "a/b", "group%3Acat/a%2Fb"),
        ("100%", "Köter", "100%25/Köter"),
    ],
)
def test_names_read_as_in_a_notebook(label: str | None, predicted: str | None, text: str) -> None:
    assert cell_name(label, predicted) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, None)),
        ("Bengal", ("Bengal", None)),
        ("a/b/c", (None, None)),
        ("group:/x", ("group:", "x")),
    ],
)
def test_what_a_person_typed_is_taken_as_well_as_can_be(
    text: str, expected: tuple[str | None, str | None]
) -> None:
    assert parsed_cell(text) == expected


def test_an_empty_name_names_nothing() -> None:
    with pytest.raises(ValueError, match="empty name"):
        cell_name("", "Bengal")
