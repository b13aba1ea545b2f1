"""Each version stands once, under the one that it came from."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from models.finetune.version_record import Version
from models.finetune.version_tree import version_tree

BLANK = Version("", "", 0.0, Path(), "resnet18", ("a", "b"), {})


def a_version(id: str, created: float, parent: str = "", control_of: str = "") -> Version:
    return replace(BLANK, id=id, name=id, created=created, parent=parent, control_of=control_of)


def test_children_stand_under_their_parent_and_controls_after_their_version() -> None:
    versions = [
        a_version("old", 1), a_version("child", 2, "old"), a_version("grandchild", 3, "child"),
        a_version("second child", 4, "old"), a_version("child control", 5, "old", "child"),
        a_version("new", 6), a_version("orphan", 7, "deleted"), a_version("new control", 8, "", "new"),
    ]  # fmt: skip
    rows = version_tree(versions[::-1])
    assert [(row.version.id, row.depth) for row in rows] == [
        ("orphan", 0), ("new", 0), ("new control", 0), ("old", 0), ("child", 1), ("grandchild", 2),
        ("child control", 1), ("second child", 1),
    ]  # fmt: skip
    assert [row.version.id for row in rows if row.parent_is_gone] == ["orphan"]


IDS = st.sampled_from(["a", "b", "c", "d", "e", "gone", ""])


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=6))
def test_every_version_stands_exactly_once_even_in_records_that_go_in_a_circle(
    links: list[tuple[str, str]],
) -> None:
    versions = [a_version(id, i, *link) for i, (id, link) in enumerate(zip("abcdef", links, strict=False))]
    rows = version_tree(versions)
    assert sorted(row.version.id for row in rows) == sorted(each.id for each in versions)
    place = {row.version.id: i for i, row in enumerate(rows)}
    for row in rows:
        if row.depth:
            assert place[row.version.parent] < place[row.version.id]
            assert rows[place[row.version.parent]].depth == row.depth - 1
