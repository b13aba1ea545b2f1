"""What changed between two networks: planted changes, frozen parts, other heads, other files."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from analysis.layers.difference_job import difference_spec, difference_steps, kept_difference
from analysis.layers.difference_record import LayerChange, difference_words, saved_difference
from analysis.layers.weight_difference import changes, weights_of
from models.evaluation_spec import EvaluationSpec
from models.job_context import JobContext
from models.store import Store
from tests.analysis.evaluated import driven
from tests.models.families import fresh

ARCHITECTURE = "shufflenet_v2_x0_5"


def saved(path: Path, n_classes: int = 7, **changed: Tensor) -> EvaluationSpec:
    """A checkpoint, with some tensors (dots as ``__``) in place of its own."""
    state = OrderedDict(
        (key, each.clone()) for key, each in fresh(ARCHITECTURE, n_classes).state_dict().items()
    )
    state.update({key.replace("__", "."): each for key, each in changed.items()})
    torch.save(state, path)
    return EvaluationSpec(str(path), ".")


def found(before: EvaluationSpec, after: EvaluationSpec) -> dict[tuple[str, str], LayerChange]:
    return {(each.layer, each.own): each for each in changes(weights_of(before), weights_of(after))}


def test_a_network_does_not_differ_from_itself(tmp_path: Path) -> None:
    spec = saved(tmp_path / "a.pth")
    same = found(spec, spec)
    assert all(each.is_same and each.relative == 0 and each.largest == 0 for each in same.values())
    assert all(each.cosine == pytest.approx(1) or each.cosine == 0 for each in same.values())
    assert not any(own == "num_batches_tracked" for _, own in same)
    words = difference_words(list(same.values()))
    assert words[0] == "Not one weight differs." and "stayed what they were" in words[-1]


def test_what_was_planted_is_measured_and_all_else_is_exactly_zero(tmp_path: Path) -> None:
    before = saved(tmp_path / "a.pth")
    weight = fresh(ARCHITECTURE).state_dict()["fc.weight"].clone()
    more = torch.zeros_like(weight)
    more[2, 5] = 0.5
    after = saved(tmp_path / "b.pth", fc__weight=weight * 1.25 + more)
    changed = found(before, after)
    head = changed["fc", "weight"]
    expected = weight.double() * 1.25 + more.double()
    assert head.relative == pytest.approx(
        float((expected - weight).norm() / weight.double().norm()), rel=1e-5
    )
    cosine = float((expected * weight).sum() / expected.norm() / weight.double().norm())
    assert head.cosine == pytest.approx(cosine, rel=1e-6)
    assert head.largest == pytest.approx(float((expected - weight).abs().max()), rel=1e-5)
    assert head.changed == pytest.approx(1, abs=0.01)
    assert all(
        each.is_same and each.relative == 0 for key, each in changed.items() if key != ("fc", "weight")
    )
    words = difference_words(list(changed.values()))
    assert "as if frozen" in words[0] and "that of fc" in words[1]


def test_another_head_is_said_and_not_measured(tmp_path: Path) -> None:
    changed = found(saved(tmp_path / "a.pth"), saved(tmp_path / "b.pth", 4))
    head = changed["fc", "weight"]
    assert (head.shape_before, head.shape_after, head.relative) == ((7, 1024), (4, 1024), None)
    words = difference_words(list(changed.values()))
    assert "fc has another shape: 7 x 1024 became 4 x 1024." in words
    assert not any("Only the" in each for each in words)


def test_statistics_of_batch_norms_stand_apart(tmp_path: Path) -> None:
    mean = fresh(ARCHITECTURE).state_dict()["conv1.1.running_mean"] + 1
    changed = found(saved(tmp_path / "a.pth"), saved(tmp_path / "b.pth", conv1__1__running_mean=mean))
    moved = [key for key, each in changed.items() if not each.is_same]
    assert moved == [("conv1.1", "running_mean")] and changed[moved[0]].part == "statistics"
    words = difference_words(list(changed.values()))
    assert words[0] == "Not one weight differs." and "running statistics of 1 of" in words[-1]


def test_what_only_one_has_is_said() -> None:
    one, other = {"a.weight": torch.ones(2, 2)}, {"b.weight": torch.ones(3, 3), "b.bias": torch.ones(3)}
    words = difference_words(list(changes(one, other)))
    assert words == ["Only the first network has a.", "Only the second network has b."]


def test_numbers_that_are_none_are_said_and_can_be_kept(tmp_path: Path) -> None:
    (change,) = changes({"a.weight": torch.ones(2, 2)}, {"a.weight": torch.full((2, 2), float("nan"))})
    assert change.relative is None and not change.is_finite and change.changed == 1
    assert "NaN" in difference_words([change])[-1]


def test_zero_weights_have_no_length_to_compare_with() -> None:
    (grown,) = changes({"a.weight": torch.zeros(2, 2)}, {"a.weight": torch.ones(2, 2)})
    assert grown.relative == 1 and grown.largest == 1
    (same,) = changes({"a.weight": torch.zeros(2, 2)}, {"a.weight": torch.zeros(2, 2)})
    assert same.relative == 0 and same.cosine == 1


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.Generator().manual_seed(0)
    one, other = ({"a.weight": torch.randn(30, 40, generator=draws)} for _ in range(2))
    (whole,) = changes(one, other)
    monkeypatch.setattr("analysis.layers.weight_difference._BLOCK", 7)
    (parts,) = changes(one, other)
    assert parts.relative == pytest.approx(whole.relative) and parts.cosine == pytest.approx(whole.cosine)
    assert replace(parts, relative=None, cosine=None) == replace(whole, relative=None, cosine=None)


def test_a_head_under_another_name_is_the_networks_head(tmp_path: Path) -> None:
    plain = saved(tmp_path / "a.pth")
    state = fresh(ARCHITECTURE).state_dict()
    wrapped = OrderedDict((f"module.{key.replace('fc.', 'fc.1.')}", each) for key, each in state.items())
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "b.pth")
    changed = found(plain, EvaluationSpec(str(tmp_path / "b.pth"), "."))
    assert all(each.is_same for each in changed.values()) and ("fc", "weight") in changed


def test_the_job_keeps_it_for_the_files_as_they_are(
    tmp_path: Path, store: Store, context: JobContext
) -> None:
    before, after = saved(tmp_path / "a.pth"), saved(tmp_path / "b.pth", 4)
    spec = difference_spec(before, after)
    result, progress = driven(difference_steps(spec, context))
    kept = saved_difference(kept_difference(store, spec))
    assert kept == tuple(changes(weights_of(before), weights_of(after))) and result == {"n": len(kept)}
    assert progress[-1].done == progress[-1].total == len(kept)
    saved(tmp_path / "b.pth", 5)
    assert saved_difference(kept_difference(store, spec)) is None
