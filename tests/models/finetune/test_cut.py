"""A cut network is the same network: forward, gradients, and nothing of what learns in the part that is kept."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.dropout import _DropoutNd

from models.finetune.cut import Cut, cut_before
from models.finetune.heads import with_new_head
from models.finetune.small_cnn import HEAD, small_cnn
from models.finetune.stages import Stage, stages, trained
from tests.models.finetune.shrunken import FAMILIES, images_of, shrunken


def training_modules(learning: tuple[Stage, ...]) -> list[nn.Module]:
    return [each for stage in learning for each in stage.training_modules]


def ids(weights: object) -> set[int]:
    return {id(weight) for weight in weights}  # type: ignore[attr-defined]


def assert_equal_in_training(module: nn.Module, cut: Cut, learning: tuple[Stage, ...], batch: Tensor) -> None:
    """Loss and gradients with dropout and batch statistics where the stages learn, and nowhere else."""
    module.requires_grad_(False).eval()
    for stage in learning:
        for weight in stage.parameters:
            weight.requires_grad_(True)
    for each in training_modules(learning):
        each.training = True
    weights = [weight for stage in learning for weight in stage.parameters]
    labels = torch.arange(len(batch))
    with torch.no_grad():
        kept = cut.prefix(batch)

    def gradients(forward: nn.Module, given: Tensor) -> list[Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)  # what is dropped
            loss = F.cross_entropy(forward(given.clone()), labels)
        return [loss.detach(), *torch.autograd.grad(loss, weights)]

    for one, other in zip(gradients(module, batch), gradients(cut.suffix, kept), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", FAMILIES)
def test_prefix_then_suffix_is_the_network_bit_for_bit(name: str) -> None:
    module, head, size = shrunken(name)
    batch = images_of(size)
    found = stages(module, head, size)
    with torch.no_grad():
        expected = module(batch)
    assert expected.std(0).max() > 1e-3 * expected.abs().max(), "a degenerate network would prove nothing"
    for n_stages in (0, 2, 1):
        learning = trained(found, n_stages)
        cut = cut_before(module, training_modules(learning), images_of(size, seed=9))
        assert cut is not None
        with torch.no_grad():
            kept = cut.prefix(batch)
            assert tuple(kept.shape[1:]) == cut.shape
            assert torch.equal(cut.suffix(kept.clone()), expected)
        # as late as can be: nothing that stays as it is has to be computed again
        weights = ids(weight for stage in learning for weight in stage.parameters)
        assert ids(cut.suffix.parameters()) == weights
        assert ids(cut.prefix.parameters()) == ids(module.parameters()) - weights
    assert_equal_in_training(module, cut, learning, batch)


@pytest.mark.parametrize(
    ("name", "shape"), [("mobilenet_v2", (1280,)), ("resnet18", (512,)), ("vgg16", (24,))]
)
def test_features_of_the_head_are_vectors_before_any_dropout(name: str, shape: tuple[int, ...]) -> None:
    module, head, size = shrunken(name)
    module, head = with_new_head(module, head, 4, dropout=0.5, seed=0)
    batch = images_of(size)
    found = stages(module, head, size)
    for modules in (found[-1].training_modules, found[-1].modules):
        cut = cut_before(module, modules, batch)
        assert cut is not None
        assert cut.shape == shape
        assert any(isinstance(each, _DropoutNd) for each in cut.suffix.modules())
        learning = [each for each in cut.prefix.modules() if isinstance(each, _DropoutNd)]
        assert not any(each in found[-1].training_modules for each in learning)


@pytest.mark.parametrize("hidden", [(), (8, 6)])
def test_small_networks_and_hidden_layers(hidden: tuple[int, ...]) -> None:
    module, head = with_new_head(small_cnn(4, 0.4), HEAD, 4, hidden=hidden, dropout=0.4, seed=0)
    batch = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = stages(module, head, (64, 64))
    learning = trained(found, 1)
    cut = cut_before(module, training_modules(learning), batch)
    assert cut is not None
    assert cut.shape == (128, 4, 4)
    assert_equal_in_training(module, cut, learning, batch)


def test_what_the_suffix_learns_the_network_has_learnt() -> None:
    module = small_cnn(4, 0.0)
    batch = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = stages(module, HEAD, (64, 64))
    cut = cut_before(module, training_modules(found[-1:]), batch)
    assert cut is not None
    optimiser = torch.optim.SGD(cut.suffix.parameters(), lr=1.0)
    F.cross_entropy(cut.suffix(cut.prefix(batch).detach()), torch.tensor([0, 1])).backward()
    optimiser.step()
    with torch.no_grad():
        assert torch.equal(module(batch), cut.suffix(cut.prefix(batch)))
        assert not torch.equal(module(batch), small_cnn(4, 0.0)(batch))


def test_where_all_learns_nothing_is_kept() -> None:
    module = small_cnn(4, 0.3)
    assert cut_before(module, module.modules(), torch.zeros(2, 3, 64, 64)) is None


class Undecided(nn.Module):
    """Its forward depends on what is in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(12, 4), nn.Linear(4, 2)

    def forward(self, batch: Tensor) -> Tensor:
        seen = self.body(batch.flatten(1))
        return self.fc(seen if seen.sum() > 0 else -seen)  # type: ignore[no-any-return]


class DroppingOut(Undecided):
    """Its dropout is a function that is told once whether to drop."""

    def forward(self, batch: Tensor) -> Tensor:
        seen = F.dropout(self.body(batch.flatten(1)), 0.5, training=self.training)
        return self.fc(seen)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", [Undecided, DroppingOut])
def test_what_cannot_be_followed_is_not_cut(kind: type[Undecided]) -> None:
    module = kind()
    assert cut_before(module, [module.fc], torch.ones(2, 3, 2, 2)) is None


def test_modes_are_as_they_were() -> None:
    module = small_cnn(4, 0.3)
    module.features[2].train()
    before = [each.training for each in module.modules()]
    statistics = module.features[2][1].running_mean.clone()
    batch = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert cut_before(module, [module.classifier], batch) is not None
    assert [each.training for each in module.modules()] == before
    assert torch.equal(module.features[2][1].running_mean, statistics)
