"""YAML without the surprises of its version 1.1, and with the line of everything."""

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import RecipeError
from models.finetune.yaml_text import read_yaml, yaml_value

TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "no",
        "yes",
        "on",
        "null",
        "~",
        "true",
        "1e-4",
        "1_000",
        "0x1F",
        "12:30",
        "2024-01-01",
        "01",
        "-",
        ".5",
        "1.",
        "",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXTS
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(PLAIN)
def test_what_is_written_is_read_again_kind_for_kind(value: object) -> None:
    read = read_yaml(f"- {yaml_value(value)}  # a comment\n").value
    assert read == [value] and repr(read) == repr([value])


@given(
    st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
def test_other_programs_read_the_numbers_as_numbers(value: object) -> None:
    read = yaml.safe_load(yaml_value(value))
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("1e-4", 1e-4), ("5E-1", 0.5), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("01", "01"),
        ("0x10", "0x10"), ("1_0", "1_0"), (".5", 0.5), ("null", None), ("~", None), ("", None), ("Null", "Null"),
        ("true", True), ("True", "True"), ("'1'", "1"), ("<<", "<<"), ("=", "="),
    ],
)  # fmt: skip
def test_what_people_write_means_what_it_says(written: str, meant: object) -> None:
    assert read_yaml(f"a: {written}\n").value == {"a": meant}


def test_every_place_has_its_line() -> None:
    read = read_yaml("# head\na: 1\nb:\n  c:\n    - x\n    - {d: 2}\n")
    assert read.value == {"a": 1, "b": {"c": ["x", {"d": 2}]}}
    assert {place: line for place, line in read.lines.items() if place} == {
        ("a",): 2, ("b",): 3, ("b", "c"): 4, ("b", "c", 0): 5, ("b", "c", 1): 6, ("b", "c", 1, "d"): 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2\n", 'Line 2 says "a" a second time'),
        ("a: [1\nb: 2\n", "Line 2 is no YAML"),
        ("a: 1\n\tb: 2\n", "Line 2 is no YAML"),
        ("a: &x [1]\nb: *x\n", "Line 2 stands a reference"),
        ("a: !!python/object:os.system x\n", "Line 1 has a value of the kind"),
        ("a: !!binary aGk=\n", "Line 1 has a value of the kind"),
        ("[1, 2]: 3\n", "Line 1 has a key that is no word"),
        ("a: \x00\n", "no YAML"),
        ("a: 1\n---\nb: 2\n", "Line 2 is no YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_yaml(text)
    assert words in caught.value.message and caught.value.next_step


def test_an_empty_document_is_nothing() -> None:
    assert read_yaml("# nothing\n").value is None
