"""The check with random weights: it tells maps that depend on learning from maps that do not."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import analysis.attribution
import analysis.attribution.randomisation
from analysis.attribution import METHODS, Attribution, Contrast, Method, attribute
from analysis.attribution.random_weights import randomised
from analysis.attribution.randomisation import Randomisation, n_maps, randomisation
from analysis.attribution.records import Estimate, Question
from models.checkpoint import load_checkpoint
from models.errors import AttributionError
from models.image_input import image_input
from models.network import Network
from tests.analysis.evaluated import result
from tests.models.calibrated import images, shared_network

Watch = Callable[[Network], None]


def edges(question: Question) -> Iterator[Estimate]:
    """How steep the picture is: it never asks the network."""
    grey = question.inputs[0].mean(0)
    down, across = torch.gradient(grey)
    yield Estimate(1.0, tuple((down**2 + across**2).sqrt() for _ in question.targets))


EDGES = Method("edges", "Edges", edges, "Gradients", "instant", False, "Sobel, 1968", "Shows edges.")


@pytest.fixture
def with_edges(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Method]:
    methods = {**METHODS, "edges": EDGES}
    monkeypatch.setattr(analysis.attribution, "METHODS", methods)
    monkeypatch.setattr(analysis.attribution.randomisation, "METHODS", methods)
    return methods


@pytest.fixture(scope="module")
def trained(sample: Path) -> Network:
    return load_checkpoint(sample / "shufflenet_v2_x0_5.pth")


@pytest.fixture(scope="module")
def photo(sample: Path, trained: Network) -> torch.Tensor:
    return image_input(sample / "pets/val/Bengal/Bengal_002.jpg", trained.preprocessing)


def checked(network: Network, inputs: torch.Tensor, method: str) -> Randomisation:
    return result(randomisation(network, inputs, attribute(network, inputs, 0, method)))


@pytest.mark.parametrize("method", ["grad_cam", "gradient"])
def test_a_map_that_depends_on_learning_changes(
    trained: Network, photo: torch.Tensor, method: str, nothing_left: Watch
) -> None:
    nothing_left(trained)
    found = checked(trained, photo, method)
    assert found.remaining < 0.3 and found.dependence == "wholly"
    assert found.shares == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert [len(stage) for stage in found.similarities] == [1, 1, 1, 1, 5]
    assert all(-1 <= each <= 1 for stage in found.similarities for each in stage)


def test_an_edge_detector_is_found_out(
    trained: Network, photo: torch.Tensor, with_edges: Mapping[str, Method]
) -> None:
    found = checked(trained, photo, "edges")
    assert found.means == pytest.approx([1.0] * 5) and found.dependence == "hardly"


@pytest.mark.parametrize("method", ["guided_backprop", "grad_cam_plus_plus", "layer_cam"])
def test_methods_known_to_ignore_the_weights_are_found_out(
    trained: Network, photo: torch.Tensor, method: str
) -> None:
    found = checked(trained, photo, method)
    assert found.dependence != "wholly" and found.remaining > checked(trained, photo, "grad_cam").remaining


def test_every_family_can_unlearn_without_dying_or_exploding(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    copies = inputs + 0.25 * images(family.architecture, 4, seed=7)
    unlearned = randomised(family, 1.0, inputs, 0)
    with torch.no_grad():
        before, after = float(family.module(copies).std()), float(unlearned.module(copies).std())
    assert before / 10 < after < before * 10
    learned, mixed = dict(family.module.named_parameters()), dict(unlearned.module.named_parameters())
    assert learned.keys() == mixed.keys()
    for name, weight in learned.items():
        assert mixed[name].shape == weight.shape and mixed[name].data_ptr() != weight.data_ptr()
        if weight.min() != weight.max():
            assert not torch.equal(mixed[name], weight), name
    assert unlearned.fingerprint != family.fingerprint and unlearned.lock is not family.lock
    assert not any(layer._forward_hooks or layer.training for layer in unlearned.module.modules())
    assert np.isfinite(attribute(unlearned, inputs, 0, "saliency").relevance).all()


def test_a_seed_is_one_draw(small_network: Network) -> None:
    inputs = images(small_network.architecture)
    with torch.no_grad():
        first, again, other = (
            randomised(small_network, 1.0, inputs, seed).module(inputs) for seed in (0, 0, 1)
        )
    assert torch.equal(first, again) and float((first - other).abs().max()) > 0.01 * float(first.abs().max())


def test_unlearning_begins_at_the_answer() -> None:
    network = shared_network("resnet18")
    inputs = images("resnet18")
    learned = network.module.state_dict()

    def changed(share: float) -> list[str]:
        found = randomised(network, share, inputs, 0).module.state_dict()
        return [
            name
            for name, weight in found.items()
            if not torch.equal(weight, learned[name]) and "num_batches" not in name
        ]

    assert changed(0.0) == ["fc.weight", "fc.bias"]
    # a calibrated network's batch-norm factors are all 1 and its shifts all 0: their order cannot change
    quarter = changed(0.25)
    assert {name.partition(".")[0] for name in quarter} == {"layer4", "fc"}
    assert set(changed(0.0)) < set(quarter) < set(changed(0.5)) < set(changed(1.0))
    assert "conv1.weight" in changed(1.0) and "conv1.weight" not in changed(0.75)


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "resnet18"])
def test_fresh_weights_have_no_direction_and_shifts_are_only_shuffled(architecture: str) -> None:
    network = shared_network(architecture)
    mixed = randomised(network, 1.0, images(architecture), 3).module.state_dict()
    for name, weight in network.module.named_parameters():
        before, after = weight.detach().flatten(), mixed[name].flatten()
        if weight.dim() > 1:
            deviation = float(after.std())
            assert abs(float(after.mean())) < 5 * deviation / len(after) ** 0.5
            assert abs(float(torch.corrcoef(torch.stack([before, after]))[0, 1])) < 5 / len(after) ** 0.5
            assert 0.01 < deviation / float(before.square().mean().sqrt()) < 100
        elif before.any():
            largest = float(after.abs().max())
            factor = largest / float(before.abs().max())
            assert 0.01 < factor < 100
            expected = before.sort().values * factor
            torch.testing.assert_close(after.sort().values, expected, rtol=1e-3, atol=1e-6 * largest)


def test_a_layer_found_by_itself_is_read_again(trained: Network, photo: torch.Tensor) -> None:
    """Else the check could compare two layers."""
    found = attribute(trained, photo, Contrast(0, 3), "grad_cam")
    steps = randomisation(trained, photo, found, shares=(0.0, 1.0), draws=2)
    seen = list(steps)
    assert [each.done for each in seen] == [0, 1, 2, 3] and seen[-1].total == n_maps(2, 2)
    assert found.layer and analysis.attribution.randomisation._same_layer(found) == {"layer": found.layer}


def test_a_map_without_evidence_and_a_program_cannot_be_checked(
    trained: Network, photo: torch.Tensor
) -> None:
    from dataclasses import replace

    blank = Attribution(np.zeros((160, 160), np.float32), "grad_cam", 0, {"layer": ""})
    with pytest.raises(AttributionError, match="Grad-CAM shows no positive evidence"):
        result(randomisation(trained, photo, blank))
    found = attribute(trained, photo, 0, "gradient")
    with pytest.raises(AttributionError, match="TorchScript program"):
        result(randomisation(replace(trained, kind="torchscript"), photo, found))


def test_the_verdict_does_not_hang_on_the_mode_of_the_caller(trained: Network, photo: torch.Tensor) -> None:
    found = attribute(trained, photo, 0, "gradient")
    plain = result(randomisation(trained, photo, found, shares=(0.0, 1.0), draws=1))
    with torch.inference_mode():
        inside = result(randomisation(trained, photo, found, shares=(0.0, 1.0), draws=1))
    assert inside == plain
    assert inside.similarities[0][0] != 0


def test_closing_leaves_nothing(trained: Network, photo: torch.Tensor, nothing_left: Watch) -> None:
    nothing_left(trained)
    steps = randomisation(trained, photo, attribute(trained, photo, 0, "saliency"))
    next(steps)
    next(steps)
    steps.close()
    assert list(steps) == []
