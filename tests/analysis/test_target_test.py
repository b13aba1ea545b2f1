import numpy as np
import pytest

from analysis.comparison import compared
from analysis.target_test import target_result
from models.finetune.spec import Target
from tests.analysis.compared_pairs import answers, pair

ANT_BEE = Target("cell", "ant/bee", cells=(("ant", "bee"),), chosen_on="half")


def test_what_became_of_a_cell_is_counted_apart_from_everything_else() -> None:
    #         the cell: 2 fixed, 1 moved, 1 stays, 1 new, 1 right; reverse: 1 new; broken bee; elsewhere 1 fixed
    labels = [0, 0, 0, 0, 0, 0, *[1, 1, 1], *[2, 3, 3]]
    before = [1, 1, 1, 1, 0, 0, *[1, 1, 1], *[3, 3, 2]]
    after = [0, 0, 2, 1, 1, 0, *[0, 2, 1], *[2, 3, 0]]
    found = target_result(pair(labels, before, after, [True] * 12), ANT_BEE)
    share = found.mistakes
    assert (share.n, share.before, share.after, share.only_before, share.only_after) == (6, 4, 2, 3, 1)
    assert (found.fixed, found.moved) == (2, 1)
    assert (found.opposite.n, found.opposite.before, found.opposite.after) == (3, 0, 1)
    assert (found.classes.n, found.classes.only_after, found.classes.only_before) == (9, 2, 3)
    assert (found.elsewhere.n, found.elsewhere.only_after, found.elsewhere.only_before) == (3, 1, 0)
    assert found.cells[["label", "predicted", "before", "after"]].to_numpy().tolist() == [
        ["ant", "bee", 4, 2]
    ]
    assert not found.chosen_on_these
    assert found.words == "4 → 2 of 6 images (p = .375): 2 fixed, 1 another mistake now, 1 new."


def test_only_the_held_out_half_judges() -> None:
    half = [False, False, True, True]
    found = target_result(pair([0] * 4, [1] * 4, [0, 0, 1, 0], half), ANT_BEE)
    assert (found.mistakes.n, found.mistakes.before, found.mistakes.after) == (2, 2, 1)
    assert found.population.tolist() == half
    both = target_result(pair([0] * 4, [1] * 4, [0, 0, 1, 0], half), ANT_BEE, half="all")
    assert both.mistakes.after == 1 and both.mistakes.n == 4 and both.chosen_on_these


def test_a_target_chosen_on_all_images_says_so() -> None:
    chosen = Target("cell", "ant/bee", cells=(("ant", "bee"),), chosen_on="all")
    assert target_result(pair([0], [1], [0], [True]), chosen).chosen_on_these


def test_a_group_is_one_question_and_its_cells_are_corrected() -> None:
    cells = (("ant", "bee"), ("bee", "ant"), ("ant", "cow"))
    labels = [0] * 12 + [1] * 8
    before = [1] * 7 + [2] * 5 + [0] * 8
    after = [0] * 6 + [2] + [0] * 4 + [2] + [1] * 8
    found = target_result(pair(labels, before, after, [True] * 20), Target("group", "g", cells=cells))
    # moving from one cell of the group to another is no progress
    assert (found.mistakes.before, found.mistakes.after, found.fixed, found.moved) == (20, 2, 18, 0)
    assert found.cells["declared"].all() and len(found.cells) == 3
    assert (found.cells["adjusted"] >= found.cells["p_value"]).all()
    assert found.opposite.n == 0 or found.opposite.before == 0  # cow/ant, of which there is none


def test_a_target_of_images_is_about_these_images() -> None:
    comparison = pair([0, 1, 2, 3], [1, 0, 3, 3], [0, 0, 1, 0], [True, True, True, False])
    named = Target("selection", "three", images=("000000000000", "000000000001", "000000000003"))
    found = target_result(comparison, named)
    assert (found.mistakes.n, found.mistakes.before, found.mistakes.after) == (2, 2, 1)
    assert found.cells.empty and found.opposite.n == 0 and found.elsewhere.n == 1
    nobody = target_result(comparison, Target("error", "x", images=("f" * 12,)))
    assert nobody.words == "No image that counts belongs to the target."


def test_images_that_were_chosen_for_being_wrong_can_only_become_fewer() -> None:
    """Networks that are as good as each other: the chosen mistakes vanish, and that is called nothing."""
    rng = np.random.default_rng(0)
    labels = np.zeros(400, int)
    before, control, after = (np.where(rng.random(400) < 0.7, labels, 1).tolist() for _ in range(3))
    first = pair(labels.tolist(), before, after, [True] * 400)
    named = Target("selection", "these", images=tuple(np.array(first.ids)[np.array(before) == 1][:40]))
    found = target_result(first, named)
    assert found.mistakes.p_value < 0.001 and found.can_only_fall
    assert "p " not in found.words and "only a control tells" in found.words
    fair = target_result(pair(labels.tolist(), control, after), named, against_control=True)
    assert fair.mistakes.p_value > 0.05 and not fair.can_only_fall and "p = " in fair.words
    assert not target_result(first, ANT_BEE).can_only_fall


def test_the_control_is_compared_on_the_same_images() -> None:
    labels = [0] * 10
    control, targeted = [1] * 5 + [0] * 5, [0] * 5 + [0] * 5
    found = target_result(pair(labels, control, targeted, [True] * 10), ANT_BEE)
    assert (found.mistakes.only_before, found.mistakes.only_after) == (5, 0)
    assert found.mistakes.p_value == pytest.approx(0.5**5)


def test_picking_the_worst_cell_by_the_same_images_finds_progress_where_there_is_none() -> None:
    """The winner's curse, and that the held-out half cures it: two networks that are equally good."""
    rng = np.random.default_rng(0)
    names = tuple(f"class {i}" for i in range(8))
    found = {"half": 0, "all": 0}
    changes: dict[str, list[int]] = {"half": [], "all": []}
    n, tries = 480, 60
    labels, half = np.arange(n) % len(names), np.arange(n) // len(names) % 2 == 0
    for _ in range(tries):
        said = [np.where(rng.random(n) < 0.5, labels, rng.integers(0, len(names), n)) for _ in range(2)]
        before, after = (answers(labels.tolist(), each.tolist(), names) for each in said)
        for chosen_on, chosen, counted in (("half", ~half, half), ("all", half, half)):
            cells = np.bincount(labels[chosen] * 8 + said[0][chosen], minlength=64).reshape(8, 8)
            np.fill_diagonal(cells, 0)
            label, predicted = divmod(int(cells.argmax()), 8)
            target = Target("cell", "worst", cells=((names[label], names[predicted]),), chosen_on="half")
            share = target_result(compared(before, after, report_half=counted), target).mistakes
            changes[chosen_on].append(share.after - share.before)
            found[chosen_on] += share.p_value <= 0.05
    assert found["half"] <= 0.06 * tries
    assert found["all"] > 0.1 * tries
    assert abs(np.mean(changes["half"])) < 0.5 and np.mean(changes["all"]) < -3
