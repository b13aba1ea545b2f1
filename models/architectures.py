"""Which torchvision classifier some weights belong to.

    file's shapes --sum of hashes--> candidates --built on the meta device--> compared key by key

The table only says which few are worth building; the comparison alone decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from models.architecture_table import (
    AUXILIARY,
    COUNTER,
    POSITIONS,
    Architecture,
    Shapes,
    architectures,
    most_alike,
    under,
    with_the_same_body,
)
from models.meta_modules import built_on_meta, with_outputs

_AUXILIARY_HEADS = ("aux1.fc2", "aux2.fc2", "AuxLogits.fc")
_PATCHES = "conv_proj.weight"


@dataclass(frozen=True)
class Head:
    """The layer that gives the logits, as a file has it.

    Args:
        source: its dotted name in the file ("fc.1" for a Linear behind a Dropout put in place of "fc").
        shape: of its weight: (C, D), or (C, D, 1, 1) for SqueezeNet's convolution.
        bias: whether it has one.
    """

    source: str
    shape: tuple[int, ...]
    bias: bool


@dataclass(frozen=True)
class KeyDifferences:
    """How the weights of a file and those of a module differ.

    Args:
        missing: keys that the module needs and the file lacks.
        extra: keys that the file has and the module does not know.
        misshaped: keys of both with different shapes, in words.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    misshaped: tuple[str, ...]

    @property
    def differences(self) -> int:
        """How many keys differ; 0 where the weights fit."""
        return len(self.missing) + len(self.extra) + len(self.misshaped)


@dataclass(frozen=True)
class Comparison(KeyDifferences):
    """How a file's weights and an architecture differ.

    Args:
        architecture: the row of the table.
        module: the architecture on the meta device, with as many outputs as the file's head.
        head: the file's head; None where the file has none of one linear layer.
        image_size: side in pixels that a vision transformer was made for; None for others.
    """

    architecture: Architecture
    module: nn.Module
    head: Head | None
    image_size: int | None

    def file_keys(self) -> dict[str, str]:
        """For each key of the module, the key of the file that holds it."""
        head = self.architecture.head
        source = self.head.source if self.head else head
        return {
            key: source + key.removeprefix(head) if under(key, head) else key
            for key in self.module.state_dict()
        }


def fitting(shapes: Shapes) -> tuple[Comparison, ...]:
    """The architectures that these weights fit exactly.

    Args:
        shapes: key to shape, as in the file.

    Returns:
        One comparison for each; none where none fits.
    """
    compared = (compared_with(name, shapes) for name in with_the_same_body(shapes))
    return tuple(each for each in compared if each.differences == 0)


def nearest(shapes: Shapes) -> Comparison:
    """The architecture that differs in the fewest keys, among those whose names of keys are most alike.

    Args:
        shapes: key to shape, as in the file.
    """
    likely = (*with_the_same_body(shapes), *most_alike(shapes, 4))
    return min((compared_with(name, shapes) for name in likely), key=lambda each: each.differences)


def compared_with(name: str, shapes: Shapes) -> Comparison:
    """How a file's weights and one architecture differ.

    Args:
        name: torchvision's, one of the table.
        shapes: key to shape, as in the file.
    """
    architecture = architectures()[name]
    auxiliary = any(key.startswith(AUXILIARY) for key in shapes)
    image_size = _image_size(name, shapes)
    module = built_on_meta(name, auxiliary=auxiliary, image_size=image_size)
    head = _head(shapes, architecture, module)
    if head is not None:
        _resize(module, architecture.head, head)
        shapes = _under_own_name(shapes, head.source, architecture.head)
    for extra_head in _AUXILIARY_HEADS:
        found = one_layer(shapes, extra_head)
        if found is not None and _has_layer(module, extra_head):
            _resize(module, extra_head, found)
    differing = key_differences(module, shapes, name)
    return Comparison(
        **vars(differing), architecture=architecture, module=module, head=head, image_size=image_size
    )


def one_layer(shapes: Shapes, prefix: str) -> Head | None:
    """The only layer under ``prefix``, if it can give logits.

    Args:
        shapes: key to shape.
        prefix: dotted name of a layer, or of what holds it.

    Returns:
        Its name, shape and bias; None where there are several, or it is no linear layer.

    >>> one_layer({"fc.1.weight": (7, 512), "fc.1.bias": (7,)}, "fc")
    Head(source='fc.1', shape=(7, 512), bias=True)
    """
    inside = {key: shape for key, shape in shapes.items() if under(key, prefix)}
    layers = {key.rpartition(".")[0] for key in inside}
    if len(layers) != 1:
        return None
    (source,) = layers
    weight, bias = inside.pop(f"{source}.weight", ()), inside.pop(f"{source}.bias", None)
    linear = len(weight) == 2 or (len(weight) == 4 and weight[2:] == (1, 1))
    if inside or not linear or bias not in (None, weight[:1]):
        return None
    return Head(source, weight, bias is not None)


def _head(shapes: Shapes, architecture: Architecture, module: nn.Module) -> Head | None:
    own = module.get_submodule(architecture.head)
    for prefix in (architecture.head, architecture.container):
        found = one_layer(shapes, prefix)
        if found is not None and (len(found.shape) == 2) == isinstance(own, nn.Linear):
            return found
    return None


def _resize(module: nn.Module, name: str, head: Head) -> None:
    parent, _, child = name.rpartition(".")
    layer = with_outputs(module.get_submodule(name), head.shape[0], head.bias)
    setattr(module.get_submodule(parent), child, layer)


def _has_layer(module: nn.Module, name: str) -> bool:
    return any(each == name for each, _ in module.named_modules())


def _under_own_name(shapes: Shapes, source: str, own: str) -> Shapes:
    return {
        own + key.removeprefix(source) if under(key, source) else key: shape for key, shape in shapes.items()
    }


def key_differences(module: nn.Module, shapes: Shapes, name: str) -> KeyDifferences:
    """Compare key by key; counters of batches, which old files lack, may be missing.

    Args:
        module: may be on the meta device.
        shapes: key to shape, as in the file.
        name: of the module, in words.
    """
    wanted = {key: tuple(weight.shape) for key, weight in module.state_dict().items()}
    return KeyDifferences(
        missing=tuple(key for key in wanted if key not in shapes and not key.endswith(COUNTER)),
        extra=tuple(key for key in shapes if key not in wanted),
        misshaped=tuple(
            f"{key}: {shapes[key]} in the file, {shape} in {name}"
            for key, shape in wanted.items()
            if shapes.get(key, shape) != shape
        ),
    )


def _image_size(name: str, shapes: Shapes) -> int | None:
    """Side in pixels, from the number of positions and the size of a patch; None where it is not clear."""
    positions, patches = shapes.get(POSITIONS, ()), shapes.get(_PATCHES, ())
    if not name.startswith("vit_") or len(positions) != 3 or len(patches) != 4:
        return None
    patch, side = patches[-1], math.isqrt(positions[1] - 1)
    own_patch = int(name.rsplit("_", maxsplit=1)[1])
    return side * patch if side * side == positions[1] - 1 and patch == own_patch else None


def shown(keys: Sequence[str], n: int = 6) -> str:
    """The first ``n`` keys, and how many more.

    >>> shown(["a", "b", "c"], 2)
    'a, b ... and 1 more'
    """
    more = f" ... and {len(keys) - n} more" if len(keys) > n else ""
    return ", ".join(keys[:n]) + more
