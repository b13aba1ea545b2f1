"""Networks that torchvision alone cannot rebuild: how to, as plain data that is saved with their weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from torch import Tensor, nn

from models.architecture_table import AUXILIARY, architectures
from models.errors import CheckpointError
from models.finetune.heads import Head, head_dropout, hidden_widths
from models.finetune.small_cnn import ARCHITECTURE as SMALL_CNN
from models.finetune.small_cnn import SmallCnn
from models.layer_shapes import narrower_shapes
from models.network import Network
from models.preprocessing import Preprocessing

PLAN_KEY = "errorscope_plan"
_LARGEST = 65536


@dataclass(frozen=True)
class NetworkPlan:
    """How to rebuild a network before its weights are filled in.

    Args:
        architecture: torchvision's name, or "small_cnn".
        n_classes: C, 2 or more.
        hidden: widths of the head's hidden layers.
        dropout: before each layer of the head, 0..1.
        image_size: side in pixels that a vision transformer was made for; None is torchvision's.
        width: channels of the first stage of a small_cnn; None for others.
        shapes: key and shape of every weight that is narrower than the architecture has it, because channels were
            removed.

    Raises:
        CheckpointError: a value makes no sense.
    """

    architecture: str
    n_classes: int
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    image_size: int | None = None
    width: int | None = None
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        known = self.architecture == SMALL_CNN or self.architecture in architectures()
        _check(isinstance(self.architecture, str) and known, "architecture", self.architecture)
        _check(_is_count(self.n_classes) and self.n_classes >= 2, "n_classes", self.n_classes)
        _check(isinstance(self.hidden, tuple) and all(map(_is_count, self.hidden)), "hidden", self.hidden)
        is_number = isinstance(self.dropout, int | float) and not isinstance(self.dropout, bool)
        _check(is_number and 0 <= self.dropout < 1, "dropout", self.dropout)
        for name in ("image_size", "width"):
            value = getattr(self, name)
            _check(value is None or _is_count(value), name, value)
        _check(isinstance(self.shapes, tuple), "shapes", self.shapes)
        for key, shape in self.shapes:
            _check(isinstance(key, str) and all(map(_is_count, shape)), "shapes", (key, shape))

    @property
    def is_torchvisions(self) -> bool:
        """Whether torchvision's own architecture holds these weights, so that no plan is needed to open them."""
        return self.architecture != SMALL_CNN and not self.hidden and not self.shapes

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back; that of a network with all its channels says nothing of shapes."""
        plain = {**asdict(self), "hidden": list(self.hidden)}
        plain["shapes"] = {key: list(shape) for key, shape in self.shapes}
        if not self.shapes:
            del plain["shapes"]
        return plain

    @classmethod
    def from_json(cls, value: Any) -> NetworkPlan:
        """The plan that ``to_json`` wrote, every value checked.

        Raises:
            CheckpointError: it is none, a key is unknown or missing, or a value makes no sense.
        """
        known = {field.name for field in fields(cls)}
        _check(isinstance(value, Mapping), "whole", value)
        wrong = sorted(map(str, {*value, "shapes"} ^ known))
        _check(not wrong, wrong[0] if wrong else "", "missing, or not known")
        hidden, shapes = value["hidden"], value.get("shapes", {})
        _check(isinstance(shapes, Mapping), "shapes", shapes)
        _check(all(isinstance(each, list) for each in shapes.values()), "shapes", shapes)
        return cls(
            **{
                **value,
                "hidden": tuple(hidden) if isinstance(hidden, list) else hidden,
                "shapes": tuple((key, tuple(shape)) for key, shape in shapes.items()),
            }
        )


def plan_of(network: Network) -> NetworkPlan:
    """How to rebuild an opened network.

    Args:
        network: opened from weights, no program.

    Raises:
        CheckpointError: it is a program.
    """
    return plan_of_module(network.module, network.architecture, network.head, len(network.class_names))


def plan_of_module(module: nn.Module, architecture: str, head: str | None, n_classes: int) -> NetworkPlan:
    """How to rebuild a network.

    Args:
        module: the network.
        architecture: torchvision's name, or "small_cnn".
        head: dotted name of its last layer.
        n_classes: C.

    Raises:
        CheckpointError: it is a program.
    """
    if head is None:
        raise CheckpointError(
            "A program cannot be trained further: its layers are not known.",
            next_step="Choose the checkpoint of weights that it was exported from.",
        )
    from models.own_checkpoint import module_on_meta  # imports this module

    plan = NetworkPlan(
        architecture=architecture,
        n_classes=n_classes,
        hidden=hidden_widths(module, head),
        dropout=head_dropout(module, head),
        image_size=module.image_size if architecture.startswith("vit_") else None,  # type: ignore[arg-type]
        width=module.width if isinstance(module, SmallCnn) else None,
    )
    found = {key: tuple(tensor.shape) for key, tensor in _plain_tensors(module).items()}
    return replace(plan, shapes=tuple(narrower_shapes(found, module_on_meta(plan)[0]).items()))


def trainable_copy(network: Network) -> nn.Module:
    """A copy of an opened network that may be changed and trained, without the extra heads of GoogLeNet and Inception.

    Args:
        network: left as it is.

    Returns:
        The module in evaluation mode, every weight learning, float32, on the network's device.
    """
    with network.lock:  # whoever has it hooked holds the lock, and a copy would copy the hooks
        module = copy.deepcopy(network.module)
    for name in ("aux1", "aux2", "AuxLogits"):
        if isinstance(getattr(module, name, None), nn.Module):
            setattr(module, name, None)
            module.aux_logits = False  # type: ignore[assignment]
    return module.eval().requires_grad_(True)


def checkpoint_content(
    module: nn.Module, plan: NetworkPlan, class_names: Sequence[str], preprocessing: Preprocessing
) -> dict[str, Any]:
    """What to hand to ``torch.save``: the network and all that is needed to open it again, without code.

    The state dict of a linear head has torchvision's own keys, whatever dropout stood before it in training.

    Args:
        module: the network; it is only read.
        plan: how it is built.
        class_names: C names, in the order of the logits.
        preprocessing: how an image becomes its input.

    Returns:
        ``state_dict`` (copies, on the processor), ``class_names``, ``preprocessing``, ``architecture`` and
        ``errorscope_plan``, the last four as plain data.
    """
    return {
        "state_dict": plain_state(module),
        "class_names": list(class_names),
        "preprocessing": preprocessing.to_json(),
        "architecture": plan.architecture,
        PLAN_KEY: plan.to_json(),
    }


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's weights on the processor, under torchvision's own keys where the head is linear.

    Args:
        module: the network; extra heads for training are left out.
    """
    return {key: tensor.detach().cpu().clone().contiguous() for key, tensor in _plain_tensors(module).items()}


def _plain_tensors(module: nn.Module) -> dict[str, Tensor]:
    """A network's weights themselves, under torchvision's own keys where the head is linear."""
    renamed = {
        name: name.rpartition(".")[0]
        for name, each in module.named_modules()
        if isinstance(each, nn.Linear | nn.Conv2d) and _is_alone(module, name)
    }
    state: dict[str, Tensor] = {}
    for key, tensor in module.state_dict().items():
        layer, _, weight = key.rpartition(".")
        if not key.startswith(AUXILIARY):
            state[f"{renamed.get(layer, layer)}.{weight}" if layer else key] = tensor
    return state


def _is_alone(module: nn.Module, name: str) -> bool:
    """Whether a layer is the only one of a ``Head``."""
    parent = module.get_submodule(name.rpartition(".")[0])
    return isinstance(parent, Head) and sum(bool(list(each.parameters())) for each in parent.children()) == 1


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST


def _check(holds: bool, name: str, value: object) -> None:
    if not holds:
        raise plan_refusal(name, value)


def plan_refusal(name: str, value: object) -> CheckpointError:
    """The error for a plan one of whose values makes no sense."""
    return CheckpointError(
        f'The plan of the network in the file ("{PLAN_KEY}") makes no sense: its {name} is {str(value)[:80]!r}.',
        next_step="Save the version again, or choose another file.",
    )
