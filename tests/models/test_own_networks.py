"""Networks that torchvision alone cannot rebuild are saved and opened without loss, and never in part."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.errors import CheckpointError, WeightsMismatch
from models.finetune.heads import with_new_head
from models.finetune.small_cnn import HEAD, small_cnn
from models.forward import logits_and_embeddings
from models.meta_modules import built_on_meta
from models.own_checkpoint import module_on_meta
from models.own_networks import (
    NetworkPlan,
    checkpoint_content,
    plain_state,
    plan_of,
    plan_of_module,
    trainable_copy,
)
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from models.torchvision_import import torchvision
from tests.models.families import OPTIONS, fresh, images_for

NAMES = ("ant", "bee", "cat", "dog")
SEEN = Preprocessing(72, 64, IMAGENET_MEAN, IMAGENET_STD)
LAST = {"resnet18": "fc", "mobilenet_v2": "classifier.1", "squeezenet1_1": "classifier.1",
        "shufflenet_v2_x0_5": "fc", "googlenet": "fc"}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks: more threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def with_head(name: str, hidden: Sequence[int] = (), dropout: float = 0.0) -> tuple[nn.Module, NetworkPlan]:
    """A network for `NAMES` in evaluation mode, and its plan."""
    if name == "small_cnn":
        module: nn.Module = small_cnn(len(NAMES), dropout, 3, width=8)
        head = HEAD
    else:
        module, head = (
            fresh(name, **({"aux_logits": False} if name == "googlenet" else {})),
            LAST[name],
        )
    if hidden or name != "small_cnn":
        module, head = with_new_head(module, head, len(NAMES), hidden=hidden, dropout=dropout, seed=1)
    return module.eval(), plan_of_module(module, name, head, len(NAMES))


def saved(name: str, file: Path, hidden: Sequence[int] = (), dropout: float = 0.0) -> nn.Module:
    module, plan = with_head(name, hidden, dropout)
    torch.save(checkpoint_content(module, plan, NAMES, SEEN), file)
    return module


CASES: dict[str, tuple[str, tuple[int, ...], float]] = {
    "small": ("small_cnn", (), 0.3),
    "small, hidden": ("small_cnn", (9, 6), 0.3),
    "hidden": ("resnet18", (9,), 0.0),
    "hidden, dropout": ("shufflenet_v2_x0_5", (9, 6), 0.4),
    "own dropout": ("mobilenet_v2", (9,), 0.4),
    "convolutions": ("squeezenet1_1", (9,), 0.2),
    "auxiliary": ("googlenet", (9,), 0.2),
    "linear": ("resnet18", (), 0.4),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_opens_and_predicts_the_same(case: str, tmp_path: Path) -> None:
    name, hidden, dropout = CASES[case]
    module = saved(name, tmp_path / "weights.pth", hidden, dropout)
    network = load_checkpoint(tmp_path / "weights.pth")
    images = images_for(name)
    with torch.inference_mode():
        logits, embeddings = logits_and_embeddings(network, images)
        assert torch.equal(network.module(images), module(images))
        torch.testing.assert_close(logits, module(images))
        assert logits.std(0).max() > 1e-3 * logits.abs().max(), "a degenerate network would prove nothing"
        assert embeddings is not None
        head = network.module.get_submodule(str(network.head))
        if isinstance(head, nn.Linear):
            torch.testing.assert_close(head(embeddings), logits)
    assert (network.architecture, network.class_names, network.preprocessing) == (name, NAMES, SEEN)
    assert not network.module.training
    summary = inspect_checkpoint(tmp_path / "weights.pth")
    assert (summary.architectures, summary.n_classes, summary.class_names) == ((name,), len(NAMES), NAMES)
    assert summary.n_weights == sum(weight.numel() for weight in module.parameters())
    assert load_checkpoint(tmp_path / "weights.pth", architecture=name).fingerprint == network.fingerprint


@pytest.mark.parametrize("case", CASES)
def test_an_opened_network_is_saved_as_it_was(case: str, tmp_path: Path) -> None:
    """Trained further, it keeps its hidden layers and its dropout."""
    name, hidden, dropout = CASES[case]
    module = saved(name, tmp_path / "weights.pth", hidden, dropout)
    network = load_checkpoint(tmp_path / "weights.pth")
    plan = plan_of(network)
    kept = dropout if hidden or name == "small_cnn" else 0.0  # torchvision's head has none
    assert (plan.hidden, plan.dropout, plan.architecture) == (hidden, kept, name)
    again = plain_state(trainable_copy(network))
    assert {key: tensor.shape for key, tensor in again.items()} == {
        key: tensor.shape for key, tensor in plain_state(module).items()
    }
    assert all(torch.equal(again[key], tensor) for key, tensor in plain_state(module).items())


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "googlenet"])
def test_a_linear_head_is_a_file_for_plain_torchvision(name: str, tmp_path: Path) -> None:
    module = saved(name, tmp_path / "weights.pth", dropout=0.5)
    options = {**OPTIONS.get(name, {}), **({"aux_logits": False} if name == "googlenet" else {})}
    plain = torchvision.models.get_model(name, weights=None, num_classes=len(NAMES), **options)
    plain.load_state_dict(torch.load(tmp_path / "weights.pth", weights_only=True)["state_dict"])
    with torch.inference_mode():
        assert torch.equal(plain.eval()(images_for(name)), module(images_for(name)))


def test_a_vision_transformer_is_rebuilt_for_its_own_size() -> None:
    """Names and shapes alone: its weights would be a third of a gigabyte."""
    module = built_on_meta("vit_b_32", image_size=96)
    module, head = with_new_head(module, "heads.head", len(NAMES), hidden=(9,), dropout=0.2, seed=1)
    plan = plan_of_module(module, "vit_b_32", head, len(NAMES))
    again, head_again = module_on_meta(NetworkPlan.from_json(json.loads(json.dumps(plan.to_json()))))
    assert (plan.image_size, head_again) == (96, head)
    shapes, wanted = ({key: each.shape for key, each in net.state_dict().items()} for net in (again, module))
    assert shapes == wanted


def test_the_content_is_copies_and_plain_data() -> None:
    module, plan = with_head("small_cnn", (9,), 0.3)
    content = checkpoint_content(module, plan, NAMES, SEEN)
    state = content.pop("state_dict")
    assert json.loads(json.dumps(content)) == content
    assert NetworkPlan.from_json(content["errorscope_plan"]) == plan
    with torch.no_grad():
        next(module.parameters()).zero_()
    assert next(iter(state.values())).any()


def test_safetensors_keep_the_plan_as_text(tmp_path: Path) -> None:
    module, plan = with_head("small_cnn", (9,), 0.3)
    content = checkpoint_content(module, plan, NAMES, SEEN)
    texts = {key: json.dumps(value) for key, value in content.items() if key != "state_dict"}
    save_file(content["state_dict"], tmp_path / "weights.safetensors", metadata=texts)
    network = load_checkpoint(tmp_path / "weights.safetensors")
    assert (network.class_names, network.preprocessing) == (NAMES, SEEN)
    with torch.inference_mode():
        assert torch.equal(network.module(images_for("small_cnn")), module(images_for("small_cnn")))


State = dict[str, Tensor]


def without(state: State, key: str) -> State:
    return {other: tensor for other, tensor in state.items() if other != key}


FAULTS: dict[str, tuple[Callable[[State], State], tuple[int, int, int]]] = {
    "missing": (lambda state: without(state, "classifier.3.bias"), (1, 0, 0)),
    "extra": (lambda state: {**state, "classifier.6.bias": torch.zeros(4)}, (0, 1, 0)),
    "misshaped": (lambda state: {**state, "classifier.0.bias": torch.zeros(8)}, (0, 0, 1)),
    "a counter is not needed": (lambda state: without(state, "features.0.1.num_batches_tracked"), (0, 0, 0)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_that_do_not_fit_are_refused(fault: str, tmp_path: Path) -> None:
    change, expected = FAULTS[fault]
    module, plan = with_head("small_cnn", (9,), 0.3)
    content = checkpoint_content(module, plan, NAMES, SEEN)
    torch.save({**content, "state_dict": change(content["state_dict"])}, tmp_path / "weights.pth")
    if expected == (0, 0, 0):
        assert load_checkpoint(tmp_path / "weights.pth").architecture == "small_cnn"
        return
    with pytest.raises(WeightsMismatch) as caught:
        load_checkpoint(tmp_path / "weights.pth")
    assert (len(caught.value.missing), len(caught.value.extra), len(caught.value.misshaped)) == expected


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    module, plan = with_head("small_cnn")
    content = checkpoint_content(module, plan, NAMES, SEEN)
    content["state_dict"]["classifier.bias"][1] = float("nan")
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"classifier\.bias"):
        load_checkpoint(tmp_path / "weights.pth")


def test_another_architecture_than_the_files_is_refused(tmp_path: Path) -> None:
    saved("small_cnn", tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="small_cnn, not a resnet18"):
        load_checkpoint(tmp_path / "weights.pth", architecture="resnet18")


PLANS: dict[str, Any] = {
    "architecture": {"architecture": "perceptron"},
    "n_classes": {"n_classes": 1},
    "hidden": {"hidden": [0]},
    "dropout": {"dropout": 1.0},
    "width": {"width": 2**40},
    "image_size": {"image_size": "64"},
    "colour": {"colour": "blue"},
}


@pytest.mark.parametrize("wrong", PLANS)
def test_a_plan_that_makes_no_sense_is_refused(wrong: str, tmp_path: Path) -> None:
    module, plan = with_head("small_cnn")
    content = checkpoint_content(module, plan, NAMES, SEEN)
    content["errorscope_plan"] |= PLANS[wrong]
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=f'plan.*"errorscope_plan".*{wrong}'):
        inspect_checkpoint(tmp_path / "weights.pth")


@pytest.mark.parametrize("plan", ["no plan", ["a"], "{", 3])
def test_what_is_no_plan_is_refused(plan: object, tmp_path: Path) -> None:
    module, sound = with_head("small_cnn")
    content = checkpoint_content(module, sound, NAMES, SEEN)
    torch.save({**content, "errorscope_plan": plan}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="makes no sense"):
        load_checkpoint(tmp_path / "weights.pth")


def test_without_preprocessing_a_usual_one_is_taken(tmp_path: Path) -> None:
    for name, side in (("small_cnn", 160), ("resnet18", 224)):
        module, plan = with_head(name, (9,))
        content = checkpoint_content(module, plan, NAMES, SEEN)
        del content["preprocessing"]
        torch.save(content, tmp_path / "weights.pth")
        assert load_checkpoint(tmp_path / "weights.pth").preprocessing.crop == side


def test_a_copy_for_training_leaves_the_network_alone(tmp_path: Path) -> None:
    torch.save(fresh("googlenet").state_dict(), tmp_path / "weights.pth")
    network = load_checkpoint(tmp_path / "weights.pth")
    module = trainable_copy(network)
    images = images_for("googlenet")
    assert torch.equal(module(images), network.module(images))
    assert isinstance(module.train()(images), Tensor), "the extra head is gone"
    assert not any(key.startswith(("aux1", "aux2")) for key in plain_state(module))
    assert any(key.startswith(("aux1", "aux2")) for key in network.module.state_dict())
    assert not network.module.training
    assert all(weight.requires_grad for weight in module.parameters())
    program = dataclasses.replace(network, head=None)
    with pytest.raises(CheckpointError, match="program"):
        plan_of(program)
