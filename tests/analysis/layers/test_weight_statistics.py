"""The statistics of weights against numpy's own, and defects that were planted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analysis.layers import weight_statistics as statistics_module
from analysis.layers.weight_findings import kind_words, norm_words, unusual
from analysis.layers.weight_record import (
    LayerWeights,
    NetworkWeights,
    save_weights,
    saved_weights,
    weights_file,
)
from analysis.layers.weight_statistics import (
    first_filters,
    grouped_spectral_norm,
    layer_statistics,
    spectral_norm,
    weighted_layers,
)
from models.network import Network
from models.norm_statistics import NormStatistics, norm_statistics
from models.preprocessing import Preprocessing
from models.programs import BatchRange, Program
from models.store import Store
from tests.models.calibrated import shared_network


def network_of(module: nn.Module, **changes: object) -> Network:
    settings: dict[str, object] = {
        "module": module.eval(), "class_names": ("a", "b"), "architecture": "planted", "fingerprint": "f" * 32,
        "preprocessing": Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), "path": Path("planted.pth"),
        **changes,
    }  # fmt: skip
    return Network(**settings)  # type: ignore[arg-type]


def statistics(network: Network) -> dict[str, LayerWeights]:
    return {layer.name: layer_statistics(layer) for layer in weighted_layers(network)}


def convolutions(n: int = 1, width: int = 8) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for i in range(n):
        layers += [nn.Conv2d(3 if i == 0 else width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * 4, 2))


@pytest.mark.parametrize("architecture", ["shufflenet_v2_x0_5", "mobilenet_v2"])
def test_the_figures_agree_with_numpy(architecture: str) -> None:
    family = shared_network(architecture)
    found = statistics(family)
    owners = {
        name: each for name, each in family.module.named_modules() if isinstance(each, nn.Conv2d | nn.Linear)
    }
    assert set(owners) <= set(found)
    for name in [*owners][:4] + [*owners][-2:]:
        layer, weight = found[name], owners[name].weight.detach().numpy().astype(np.float64)
        assert layer.shape == weight.shape and layer.n_weights == weight.size == sum(layer.counts)
        assert layer.norm == pytest.approx(np.sqrt((weight**2).sum()), rel=1e-6)
        assert layer.near_zero == pytest.approx(
            (np.abs(weight) < 0.01 * layer.rms).mean(), abs=2 / weight.size
        )
        parts = np.split(weight.reshape(len(weight), -1), layer.groups)
        if len(parts) <= 64:
            spectral = max(np.linalg.svd(part, compute_uv=False)[0] for part in parts)
            assert layer.spectral_norm == pytest.approx(spectral, rel=1e-4)
            assert layer.stable_rank == pytest.approx((layer.norm / spectral) ** 2, rel=2e-4)
    assert all(not layer.n_odd for layer in found.values())


@pytest.mark.parametrize("shape", [(300, 700), (700, 300), (400, 400)])
def test_the_spectral_norm_of_large_matrices(shape: tuple[int, int]) -> None:
    draws = torch.Generator().manual_seed(1)
    noise = torch.randn(*shape, generator=draws)  # the hard case: its largest values lie close together
    line = torch.randn(shape[0], 1, generator=draws) @ torch.randn(1, shape[1], generator=draws)
    for matrix in (noise, noise + line, line, 1e-4 * noise):
        assert spectral_norm(matrix) == pytest.approx(
            float(torch.linalg.matrix_norm(matrix.double(), 2)), rel=1e-4
        )
    assert spectral_norm(torch.zeros(shape)) == 0
    assert spectral_norm(torch.eye(300)) == pytest.approx(1, rel=1e-5)


def test_groups_are_as_strong_as_the_strongest_group() -> None:
    grouped, depthwise = nn.Conv2d(6, 6, 3, groups=2, bias=False), nn.Conv2d(6, 6, 3, groups=6, bias=False)
    for layer in (grouped, depthwise):
        whole = torch.zeros(6, 6, 9)  # as a plain convolution has it: zeros between the groups
        size = 6 // layer.groups
        for i in range(6):
            start = i // size * size
            whole[i, start : start + size] = layer.weight[i].detach().flatten(1)
        expected = float(torch.linalg.matrix_norm(whole.flatten(1), 2))
        found = grouped_spectral_norm(layer.weight.detach().flatten(1), layer.groups)
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_norm_behind_is_folded_into_the_gain() -> None:
    module = convolutions()
    norm = module[1]
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.uniform_(norm.weight, 0.5, 2)
    assert norm.running_var is not None
    norm.running_var.uniform_(0.2, 4)
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    weight = module[0].weight.detach().flatten(1) * scale[:, None]
    layer = statistics(network_of(module))["0"]
    assert layer.gain == pytest.approx(float(torch.linalg.matrix_norm(weight, 2)), rel=1e-5)
    assert layer.has_norm and layer.gain != pytest.approx(layer.spectral_norm, rel=1e-3)


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(convolutions(2))
    whole = statistics(network)
    monkeypatch.setattr(statistics_module, "_BLOCK", 64)
    for name, layer in statistics(network).items():
        assert layer.counts == whole[name].counts and layer.near_zero == whole[name].near_zero
        assert layer.norm == pytest.approx(whole[name].norm, rel=1e-9)


def test_planted_defects_are_found_and_said() -> None:
    module = convolutions(5)
    weights = [module[i].weight.data for i in (0, 3, 6, 9, 12)]
    weights[0][2] = 0
    module[4].weight.data[5] = 0
    weights[2][1] *= 1e-4
    weights[3][0, 0, 0, 0] = float("nan")
    weights[4].view(-1)[::2] = 0
    found = statistics(network_of(module))
    assert found["0"].empty_channels == (2,) and found["0"].faint_channels == ()
    assert found["3"].empty_channels == (5,)
    assert found["6"].faint_channels == (1,) and found["6"].empty_channels == ()
    assert found["9"].n_odd == 1 and np.isfinite(found["9"].norm)
    assert found["12"].exact_zero == pytest.approx(0.5)
    said = [(each.layer, each.words) for each in unusual(list(found.values()))]
    assert [layer for layer, _ in said] == ["9", "0", "3", "6", "12"]  # gravest first
    words = dict(said)
    assert "no number (NaN" in words["9"] and "1 of its 8 channels always gives the same" in words["0"]
    assert "hardly hears" in words["6"] and "50% of its weights are exactly 0" in words["12"]


def test_where_statistics_come_from_no_images_it_is_said_of_all_of_them_at_once() -> None:
    assert norm_words(NormStatistics(), can_learn=True) == norm_words(NormStatistics(9), can_learn=True) == ""
    known = {
        NormStatistics(52, 52, 52): "All 52 batch norms of this network do nothing but add a shift: they were folded into "
        "the convolutions before them.",
        NormStatistics(1, 1, 1): "The batch norm of this network does nothing but add a shift: it was folded into the "
        "convolution before it.",
        NormStatistics(52, 50, 43): "The running statistics of 50 of the 52 batch norms of this network come from no images "
        "(mean 0, variance 1): they were folded into the convolutions before them; 43 still only add a shift, the others "
        "have learned a scale since.",
        NormStatistics(4, 4): "The running statistics of all 4 batch norms of this network come from no images (mean 0, "
        "variance 1): they were folded into the convolutions before them, and learned a scale since.",
        NormStatistics(3, n_untouched=3): "The running statistics of all 3 batch norms of this network are as they were made "
        "(mean 0, variance 1): no image ever moved them, so the network was not trained, or only with these statistics "
        "fixed.",
    }  # fmt: skip
    for norms, words in known.items():
        assert norm_words(norms, can_learn=False) == words
        follows = " Fine-tune the network with fixed batch-norm statistics, or it loses what it knows."
        assert norm_words(norms, can_learn=True) == words + follows * (norms.n_folded > 0)


def test_a_layer_that_is_all_zero_is_said_once() -> None:
    module = convolutions()
    module[0].weight.data.zero_()
    layers = list(statistics(network_of(module)).values())
    assert layers[0].spectral_norm == layers[0].stable_rank == 0
    assert [(each.layer, each.words) for each in unusual(layers)] == [("0", "all its weights are 0")]


def test_one_loud_layer_stands_out_among_its_kind_and_healthy_ones_do_not() -> None:
    module = convolutions(12)
    assert unusual(list(statistics(network_of(module)).values())) == []
    module[15].weight.data *= 30
    (said,) = unusual(list(statistics(network_of(module)).values()))
    assert said.layer == "15" and "times more than the other 3 x 3 convolutions usually do" in said.words
    # of one direction only, as strong as before
    module = convolutions(12)
    line = module[15].weight.data.flatten(1).mean(0, keepdim=True).expand(8, -1)
    module[15].weight.data = (line * module[15].weight.data.norm() / line.norm() / 2).view(8, 8, 3, 3).clone()
    words = [
        each.words for each in unusual(list(statistics(network_of(module)).values())) if each.layer == "15"
    ]
    assert any("fewer directions" in each and "stable rank 1.0" in each for each in words)


def test_a_program_has_the_same_weights_under_the_same_names() -> None:
    plain = network_of(convolutions(2))
    with pytest.warns(DeprecationWarning):
        traced = torch.jit.trace(plain.module, torch.zeros(1, 3, 2, 2))
    program = network_of(Program(traced, BatchRange()), kind="torchscript", architecture="torchscript")
    expected, found = statistics(plain), statistics(program)
    assert list(found) == list(expected)
    for name, layer in found.items():
        assert (layer.kind, layer.shape, layer.counts) == (
            expected[name].kind,
            expected[name].shape,
            expected[name].counts,
        )
        assert layer.gain == pytest.approx(expected[name].gain, rel=1e-5)
    mine, its = first_filters(plain), first_filters(program)
    assert mine is not None and its is not None and np.array_equal(mine.pictures, its.pictures)


def test_positions_are_no_layers_and_a_shared_weight_is_one() -> None:
    attention = nn.MultiheadAttention(8, 2)
    attention.register_parameter("pos_embedding", nn.Parameter(torch.randn(1, 5, 8)))
    assert list(statistics(network_of(nn.Sequential(attention)))) == ["0.in_proj_weight", "0.out_proj"]
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    assert list(statistics(network_of(module))) == ["0"]


def test_a_red_filter_is_a_red_picture() -> None:
    module = convolutions()
    module[0].weight.data[1] = 0
    module[0].weight.data[1, 0, 1, 1] = 0.3
    module[0].weight.data[2] = -0.1
    found = first_filters(network_of(module))
    assert found is not None and (found.layer, found.n_filters) == ("0", 8)
    assert found.pictures.shape == (8, 3, 3, 3)
    assert (
        found.pictures[1, 1, 1].tolist() == [255, 128, 128] and found.pictures[1, 0, 0].tolist() == [128] * 3
    )
    assert set(found.pictures[2].reshape(-1).tolist()) == {1}
    assert first_filters(network_of(nn.Sequential(nn.Conv2d(1, 4, 3)))) is None


def test_what_is_kept_comes_back_and_what_is_damaged_is_none(tmp_path: Path) -> None:
    store, network = Store(tmp_path), network_of(convolutions(2))
    file = weights_file(store, network.fingerprint)
    assert saved_weights(store, network.fingerprint) is None
    file.parent.mkdir(parents=True)
    found = statistics(network)
    norms = norm_statistics(network.module.modules())
    save_weights(file, NetworkWeights(tuple(found.values()), first_filters(network), norms))
    kept = saved_weights(store, network.fingerprint)
    assert kept is not None and {each.name: each for each in kept.layers} == found
    assert kept.filters is not None and kept.filters.pictures.shape == (8, 3, 3, 3)
    assert kept.norms == norms and norms.n > 0
    assert kept.layer("0") == found["0"] and kept.layer("nowhere") is None
    file.with_name("filters.npy").unlink()
    assert saved_weights(store, network.fingerprint) is None
    file.write_text("{")
    assert saved_weights(store, network.fingerprint) is None


def test_layers_are_named_as_a_person_names_them() -> None:
    kinds = {kind_words(each) for each in statistics(shared_network("mobilenet_v2")).values()}
    assert kinds == {"3 x 3 convolutions", "1 x 1 convolutions", "depthwise convolutions", "Linear layers"}
