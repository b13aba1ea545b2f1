"""Whatever a version is exported as, it is opened again with the same logits, class names and preprocessing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.checkpoint import load_checkpoint
from models.errors import VersionError
from models.finetune.export import EXPORTS, export_name, export_of, export_version
from models.finetune.export_program import check_same
from models.finetune.heads import with_new_head
from models.finetune.small_cnn import ARCHITECTURE as SMALL_CNN
from models.finetune.small_cnn import HEAD, SmallCnn
from models.finetune.version_record import Version
from models.finetune.versions import save_version
from models.network import Network
from models.own_networks import checkpoint_content, plan_of_module
from models.store import Store
from models.torchvision_import import torchvision
from tests.models.calibrated import calibrated_network
from tests.models.finetune.version_samples import METRICS, finetune_spec

NAMES = ("Bengal", "Egyptian_Mau", "Sphynx", "no", "5")


def kept(store: Store, network: Network, module: nn.Module, head: str) -> Version:
    plan = plan_of_module(module, network.architecture, head, len(NAMES))
    return save_version(
        store, checkpoint_content(module, plan, NAMES, network.preprocessing), spec=finetune_spec(store.root),
        architecture=network.architecture, class_names=NAMES, metrics=METRICS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def network() -> Network:
    return calibrated_network("shufflenet_v2_x0_5", len(NAMES))


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Version:
    return kept(Store(tmp_path_factory.mktemp("linear")), network, network.module, "fc")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, network: Network) -> tuple[Version, nn.Module]:
    """A network that torchvision alone cannot rebuild."""
    store, module = Store(tmp_path_factory.mktemp("own")), SmallCnn(len(NAMES), 0.1, 8)
    module, head = with_new_head(module, HEAD, len(NAMES), hidden=(12,), dropout=0.3, seed=3)
    return kept(store, replace(network, architecture=SMALL_CNN), module.eval(), head), module.eval()


def pictures(n: int = 3) -> torch.Tensor:
    return torch.randn(n, 3, 96, 96, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("key", list(EXPORTS))
def test_every_export_opens_with_the_same_logits(linear: Version, network: Network, key: str) -> None:
    path = export_version(linear, key)
    assert path == export_of(linear, key) and path.parent == linear.folder
    opened = load_checkpoint(path, trust_code=EXPORTS[key].is_program)
    with torch.no_grad():
        wanted, found = network.module(pictures()), opened.module(pictures())
    assert wanted.std() > 0.1  # else nothing is proved
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert opened.class_names == NAMES and opened.preprocessing == network.preprocessing
    before = path.stat().st_mtime_ns
    assert export_version(linear, key).stat().st_mtime_ns == before  # it is kept
    assert not list(linear.folder.glob(".*"))


def test_torchvision_alone_takes_the_weights(linear: Version, network: Network) -> None:
    module = torchvision.models.shufflenet_v2_x0_5(num_classes=len(NAMES))
    module.load_state_dict(torch.load(linear.checkpoint, weights_only=True)["state_dict"])
    with torch.no_grad():
        assert torch.equal(module.eval()(pictures()), network.module(pictures()))


@pytest.mark.parametrize("key", ["weights", "safetensors"])
def test_a_network_of_our_own_is_exported_too(own: tuple[Version, nn.Module], key: str) -> None:
    version, module = own
    opened = load_checkpoint(export_version(version, key), trust_code=EXPORTS[key].is_program)
    with torch.no_grad():
        torch.testing.assert_close(opened.module(pictures()), module(pictures()), rtol=1e-4, atol=1e-4)
    assert opened.class_names == NAMES


def test_what_cannot_be_traced_is_said_and_leaves_nothing(linear: Version, tmp_path: Path) -> None:
    broken = replace(linear, folder=tmp_path)
    broken.checkpoint.write_bytes(b"no weights")
    with pytest.raises(VersionError, match="cannot be written as TorchScript"):
        export_version(broken, "torchscript")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


def test_a_program_that_answers_otherwise_is_refused() -> None:
    logits = torch.tensor([[1.0, 2.0]])
    check_same(logits + 1e-5, logits)
    for wrong in (logits + 0.1, logits * float("nan")):
        with pytest.raises(RuntimeError, match="other logits"):
            check_same(wrong, logits)


def test_files_are_called_after_the_version(linear: Version) -> None:
    assert export_name(replace(linear, name="Bengal / Mau: 2"), "safetensors") == "Bengal_Mau_2.safetensors"
    assert export_name(replace(linear, name="…/.."), "export") == "version.pt2"
