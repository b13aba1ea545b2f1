"""The causal test in numbers: exact p values, the controls' counts and places, words and verdicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.causal_chance import exchange_p, pieces_p, smallest_exchange_p, smallest_pieces_p
from analysis.causal_controls import CONTROLS, control_images, control_regions, overlap
from analysis.causal_test import CausalTest, Control, ControlEffect, Edit, ImageEffect
from analysis.intervals import wilson_interval
from tests.analysis.planted_maps import MARK


def strata_of(changes: np.ndarray) -> list[list[int]]:
    """(N, 1 + C) whether the treatment, then each control, changed an image."""
    return [[int(each) for each in row] for row in changes]


@pytest.mark.parametrize(("treated", "control"), [(5, 0), (8, 2), (3, 3), (0, 4), (14, 1)])
def test_with_one_control_p_is_mcnemars(treated: int, control: int) -> None:
    strata = [[1, 0]] * treated + [[0, 1]] * control + [[1, 1]] * 3 + [[0, 0]] * 4
    expected = binomtest(treated, treated + control, 0.5, alternative="greater").pvalue
    assert exchange_p(strata) == pytest.approx(expected)


def test_with_several_controls_p_is_that_of_dealing_out_anew() -> None:
    draws = np.random.default_rng(0)
    changes = draws.random((9, 4)) < np.array([0.6, 0.3, 0.3, 0.3])
    dealt = np.stack([draws.permuted(changes, axis=1)[:, 0].sum() for _ in range(20_000)])
    assert exchange_p(strata_of(changes)) == pytest.approx((dealt >= changes[:, 0].sum()).mean(), abs=0.015)


def test_pieces_with_controls_of_their_own_are_dealt_out_whole() -> None:
    draws = np.random.default_rng(3)
    counts = draws.binomial(4, 0.3, (8, 4))
    counts[:, 0] += 1
    dealt = np.stack([draws.permuted(counts, axis=1)[:, 0].sum() for _ in range(20_000)])
    assert exchange_p(counts.tolist()) == pytest.approx((dealt >= counts[:, 0].sum()).mean(), abs=0.015)
    assert exchange_p([[8, 0, 0, 0]]) == 1 / 4  # one piece, on however many images, is one trial


def test_pieces_against_the_same_others_are_dealt_out_whole() -> None:
    draws = np.random.default_rng(4)
    own, others = [3, 2, 0, 3, 1], draws.binomial(3, 0.25, 15).tolist()
    dealt = np.stack([draws.permutation([*own, *others])[:5].sum() for _ in range(20_000)])
    assert pieces_p(own, others) == pytest.approx((dealt >= sum(own)).mean(), abs=0.015)
    every = [sum(chosen) for chosen in combinations([*own, *others], 5)]
    assert pieces_p(own, others) == pytest.approx(np.mean(np.array(every) >= sum(own)))


@pytest.mark.parametrize("n", [1, 3, 8])
def test_no_effect_is_stronger_than_the_smallest_p(n: int) -> None:
    assert pieces_p([3] * n, [0] * 3 * n) == pytest.approx(smallest_pieces_p(n, 3 * n))
    assert exchange_p([[1, 0, 0]] * n) == pytest.approx(smallest_exchange_p([[1, 0, 0]] * n))


def test_without_a_cause_p_is_rarely_small() -> None:
    draws = np.random.default_rng(1)
    found = [exchange_p(strata_of(draws.random((20, 4)) < 0.3)) for _ in range(400)]
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 0.03


def test_each_image_counts_with_its_own_number_of_controls() -> None:
    # the chances that the treatment was the one that changed are 1/2, 2/4 and 2/3
    expected = (1 / 2 * 2 / 4) * 1 + (1 / 2 * 2 / 4 + 1 / 2 * 2 / 4) * 2 / 3
    assert exchange_p([[1, 0], [1, 1, 0, 0], [0, 1, 1]]) == pytest.approx(expected)


def effect(
    place: int, *, source: int = -1, after: int = 0, controls: Sequence[bool] = (False,) * CONTROLS
) -> ImageEffect:
    """Of an image whose class in question is 0; its controls are pieces of the image, or of images of others."""
    probability = 0.9 if after == 0 else 0.1
    of = [place if source < 0 else 1000 + CONTROLS * source + each for each in range(len(controls))]
    found = tuple(ControlEffect(piece, changed, 0.85) for piece, changed in zip(of, controls, strict=True))
    return ImageEffect(place, source, 0 if source < 0 else 1, after, 0.9, probability, found)


@pytest.mark.parametrize("controls", [1, 2, 3])
def test_however_few_the_controls_a_place_that_does_nothing_is_rarely_confirmed(controls: int) -> None:
    draws = np.random.default_rng(controls)
    verdicts = []
    for _ in range(150):
        changes = draws.random((40, 1 + controls)) < 0.3
        effects = tuple(
            effect(i, after=int(first), controls=[bool(each) for each in rest])
            for i, (first, *rest) in enumerate(changes)
        )
        verdicts.append(CausalTest("cover", MARK, 0, "a", "other places", effects).verdict)
    assert verdicts.count("confirmed") <= 0.01 * 150 + 3


def covered(*controls: Sequence[bool]) -> CausalTest:
    """Ten images that stay what they are; their controls change in half of them, on average."""
    effects = tuple(effect(i, controls=controls[i % len(controls)]) for i in range(10))
    return CausalTest("cover", MARK, 0, "a", "other places", effects)


def test_controls_count_as_so_many_edits_as_they_act_for_themselves() -> None:
    one = covered([True], [False])
    alike = covered([True] * 3, [False] * 3)
    apart = covered([True, False, True], [False, True, False])
    assert one.control_changed == alike.control_changed == apart.control_changed == pytest.approx(5)
    ten, thirty = ([float(each) for each in wilson_interval(n / 2, n)] for n in (10, 30))
    assert one.control_interval == pytest.approx(ten) == alike.control_interval
    assert apart.control_interval == pytest.approx(thirty)
    with pytest.raises(ValueError, match="controls"):
        effect(0, controls=())


def test_eight_images_with_one_piece_count_as_one_where_it_decides() -> None:
    """Six pieces on eight images each: one that turns all of its images is one trial of six."""
    effects = tuple(effect(i, source=i % 6, after=0 if i % 6 == 0 else 1) for i in range(48))
    found = CausalTest("paste", MARK, 0, "a", "other images", effects)
    assert (found.changed, found.n_pieces) == (8, 6)
    assert found.interval == pytest.approx([float(each) for each in wilson_interval(1, 6)])
    assert found.p == pytest.approx(6 / 24)  # the one of 24 pieces that turns images is one of these 6


@pytest.mark.parametrize("after", [0, 1])
def test_pieces_that_all_act_alike_are_known_as_well_as_so_many_pieces(after: int) -> None:
    found = CausalTest(
        "paste", MARK, 0, "a", "other images", tuple(effect(i, source=i % 6, after=after) for i in range(48))
    )
    assert found.interval == pytest.approx([float(each) for each in wilson_interval(6 * (after == 0), 6)])


def test_control_images_are_of_other_classes_or_there_are_none() -> None:
    labels = np.array([0] * 4 + [1] * 3 + [2] * 3)
    found = control_images(labels, 10)
    assert found is not None and found == control_images(labels, 10)
    for own, controls in zip(labels, found, strict=True):
        assert len(set(controls)) == CONTROLS and own not in labels[controls]
    assert control_images(labels[:6], 6) is None  # two images are too few to stand for a class
    assert control_images(labels[:4], 4) is None


@pytest.mark.parametrize(("n", "classes"), [(48, 4), (48, 12), (26, 13), (24, 2), (47, 3)])
def test_control_images_are_all_used_about_equally_often(n: int, classes: int) -> None:
    labels = np.sort(np.arange(n) % classes)
    for donors in (9, n // CONTROLS * CONTROLS):
        found = control_images(labels, donors)
        assert found is not None
        used = Counter(each for controls in found for each in controls)
        assert len(used) == donors and max(used.values()) - min(used.values()) <= 2
        assert max(Counter(labels[list(used)]).values()) <= -(-donors // classes) + 1


def test_no_images_prove_nothing() -> None:
    assert exchange_p([]) == pieces_p([], []) == 1


@pytest.mark.parametrize("region", [MARK, (0.4, 0.1, 0.6, 0.7), (0.0, 0.0, 0.5, 0.5)])
def test_control_places_have_the_size_and_lie_elsewhere(region: tuple[float, float, float, float]) -> None:
    for seed in range(30):
        found = control_regions(region, 3, [0, seed])
        assert found == control_regions(region, 3, [0, seed])
        for left, top, right, bottom in found:
            assert min(left, top) >= 0 and max(right, bottom) <= 1 + 1e-9
            assert right - left == pytest.approx(region[2] - region[0])
            assert bottom - top == pytest.approx(region[3] - region[1])
            assert overlap((left, top, right, bottom), region) <= 0.25
    assert control_regions(region, 1, [0, 1]) != control_regions(region, 1, [0, 2])


def test_a_place_as_large_as_the_picture_has_no_place_elsewhere_but_still_controls() -> None:
    assert control_regions((0.0, 0.0, 1.0, 1.0), 2, [0]) == ((0.0, 0.0, 1.0, 1.0),) * 2


def result(changed: int, n: int, controls: int, edit: Edit = "cover") -> CausalTest:
    """So many changes of n, and of the first controls of so many images; pieces are pasted thrice."""
    effects = tuple(
        effect(
            place,
            source=-1 if edit == "cover" else place // 3,
            after=0 if (edit == "paste") == (place < changed) else 1,
            controls=(place < controls, False, False),
        )
        for place in range(n)
    )
    control: Control = "other places" if edit == "cover" else "other images"
    return CausalTest(edit, MARK, 0, "chihuahua", control, effects)


def test_the_verdict_and_its_words_follow_the_counts() -> None:
    clear = result(14, 24, 3)
    assert (clear.n, clear.changed, clear.control_changed) == (24, 14, 1.0)
    assert clear.verdict == "confirmed" and clear.p < 0.001
    assert clear.words == (
        "Confirmed: covering it takes 14 of 24 images away from chihuahua; covering another place of the "
        "same size takes 1 on average"
    )
    assert result(2, 24, 4).verdict == "not confirmed"
    few = result(5, 5, 0)
    assert few.verdict == "too few images"
    assert few.words.endswith("takes 0 on average; with so few, chance cannot be ruled out")
    assert result(0, 24, 0).p == 1
    pasted = result(40, 48, 1, "paste")
    assert pasted.changed == 40 and pasted.verdict == "confirmed"
    assert (
        "pasting it, taken from 16 images, turns 40 of 48 images of other classes into chihuahua"
        in pasted.words
    )
    low, high = clear.interval
    assert low < 14 / 24 < high
    mean, low, high = clear.probability_change
    assert low < mean < high < 0
    assert "pasting the same place of other images turns 0.3 on average" in pasted.words
    elsewhere = replace(pasted, control="other places")
    assert "pasting another place of the same images turns 0.3 on average" in elsewhere.words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ([0.1] * 8, "0.40 lower than with the controls (95% interval 0.40 to 0.40 lower)"),
        ([0.9] * 8, "0.40 higher than with the controls (95% interval 0.40 to 0.40 higher)"),
        ([0.5] * 8, "the same as with the controls (95% interval 0.00 to 0.00 higher)"),
    ],
)
def test_the_change_of_the_probability_points_one_way(after: list[float], words: str) -> None:
    assert _probabilities(after).probability_words == f"The probability of a is {words}"


def test_an_interval_around_no_change_says_both_ways() -> None:
    found = _probabilities([0.30, 0.60, 0.45, 0.52, 0.40, 0.55, 0.48, 0.51])
    mean, low, high = found.probability_change
    assert low < mean < 0 < high
    assert found.probability_words.endswith(
        f"is {-mean:.2f} lower than with the controls (95% interval {-low:.2f} lower to {high:.2f} higher)"
    )


def _probabilities(after: list[float]) -> CausalTest:
    """Each image's controls leave it at one half."""
    effects = tuple(
        ImageEffect(i, -1, 0, 0, 0.5, each, (ControlEffect(i, False, 0.5),)) for i, each in enumerate(after)
    )
    return CausalTest("cover", MARK, 0, "a", "other places", effects)


def test_a_small_effect_is_no_cause_however_sure() -> None:
    assert result(30, 1000, 0).p < 0.01
    assert result(30, 1000, 0).verdict == "not confirmed"


def test_a_result_survives_plain_data() -> None:
    found = result(14, 24, 3)
    assert CausalTest.from_json(found.to_json()) == found
    with pytest.raises(ValueError, match="edit"):
        CausalTest.from_json({**found.to_json(), "edit": "eat"})
    with pytest.raises(ValueError, match="control"):
        CausalTest.from_json({**found.to_json(), "control": "none"})
