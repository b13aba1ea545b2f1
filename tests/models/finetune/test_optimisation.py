from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.finetune.optimisation import Optimisation, is_decayed, optimiser_of, sum_gradients
from models.finetune.phase import Group
from models.finetune.precision import Precision, half_type
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks

CPU = torch.device("cpu")


class Thrice(Ranks):
    world = 3

    def sum(self, values: Tensor) -> Tensor:
        return 3 * values


def groups() -> tuple[Group, Group]:
    layer, norm, head = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
    return Group("layer", (*layer.parameters(), *norm.parameters()), 0.25), Group(
        "head", tuple(head.parameters()), 1.0
    )


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_each_group_has_its_share_and_biases_and_norms_no_decay(kind: str) -> None:
    recipe = Recipe(optimiser=kind, weight_decay=0.1)  # type: ignore[arg-type]
    optimiser = optimiser_of(groups(), recipe)
    found = [
        (group["factor"], group["weight_decay"], [weight.ndim for weight in group["params"]])
        for group in optimiser.param_groups
    ]
    assert found == [(0.25, 0.1, [2]), (0.25, 0.0, [1, 1, 1]), (1.0, 0.1, [2]), (1.0, 0.0, [1])]
    assert type(optimiser).__name__.lower() == kind


def test_the_rate_is_shared_out() -> None:
    made = groups()
    recipe = Recipe(momentum=0.0, weight_decay=0.0)
    optimisation = Optimisation(made, recipe, Precision(CPU, False), Ranks())
    before = [weight.detach().clone() for group in made for weight in group.parameters]
    everything = torch.cat([weight.flatten() for group in made for weight in group.parameters])
    optimisation.backward(everything.sum())  # every gradient is 1
    optimisation.step(0.4)
    after = [weight.detach() for group in made for weight in group.parameters]
    moves = [float((old - new).mean()) for old, new in zip(before, after, strict=True)]
    assert moves == pytest.approx([0.1] * 4 + [0.4] * 2, rel=1e-5)
    optimisation.clear()
    assert all(weight.grad is None for group in made for weight in group.parameters)


def test_l1_and_clipping_come_after_the_sum_over_processes() -> None:
    weight = nn.Parameter(torch.tensor([[3.0, -4.0]]))
    recipe = Recipe(momentum=0.0, weight_decay=0.0, l1=0.5, clip_norm=1.0)
    optimisation = Optimisation([Group("one", (weight,), 1.0)], recipe, Precision(CPU, False), Thrice())
    optimisation.backward((weight * torch.tensor([[1.0, 0.5]])).sum())
    gradient = torch.tensor([[3 * 1.0 + 0.5, 3 * 0.5 - 0.5]])
    optimisation.step(1.0)
    assert torch.allclose(weight, torch.tensor([[3.0, -4.0]]) - gradient / gradient.norm(), atol=1e-5)


def test_gradients_are_summed_where_there_are_any() -> None:
    weights = [
        nn.Parameter(torch.ones(2, 3).to(memory_format=torch.contiguous_format)),
        nn.Parameter(torch.ones(4)),
    ]
    weights[0].grad = torch.arange(6.0).view(2, 3)
    sum_gradients(weights, Thrice())
    assert torch.equal(weights[0].grad, 3 * torch.arange(6.0).view(2, 3))
    assert weights[1].grad is None


def test_state_goes_on_where_it_was() -> None:
    torch_groups = groups()
    recipe = replace(Recipe(), optimiser="adamw")
    first = Optimisation(torch_groups, recipe, Precision(CPU, False), Ranks())
    first.backward(sum((w.sum() for g in torch_groups for w in g.parameters), torch.zeros(())))
    first.step(0.1)
    second = Optimisation(torch_groups, recipe, Precision(CPU, False), Ranks())
    second.load(first.state())
    assert str(second.state()) == str(first.state())


def test_what_has_one_axis_is_not_decayed() -> None:
    decayed, others = [(2, 2), (1, 2), (2, 2, 1, 1), (2, 1, 3, 3)], [(2,), (), (2, 1, 1)]
    assert all(is_decayed(torch.zeros(shape)) for shape in decayed)
    assert not any(is_decayed(torch.zeros(shape)) for shape in others)


def test_precision_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Precision(CPU, False).sentence == ""
    monkeypatch.setattr("models.finetune.precision.processor_has_bfloat16", lambda: False)
    missed = Precision(CPU, True)
    assert missed.dtype is None and "single precision" in missed.sentence
    monkeypatch.setattr("models.finetune.precision.processor_has_bfloat16", lambda: True)
    half = Precision(CPU, True)
    assert half.dtype is torch.bfloat16 and "bfloat16" in half.sentence and not half.scaler.is_enabled()
    with half.forward():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype is torch.bfloat16
    assert half_type(torch.device("mps")) is None
