"""New last layers: linear, or with hidden layers and dropout, drawn from a random generator of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from models.errors import TrainingError
from models.meta_modules import OnMeta


class Head(nn.Sequential):
    """Dropout, a layer, ReLU, dropout, a layer ...: what stands in place of a network's last linear layer."""


def new_head(
    layer: nn.Module, n_classes: int, *, hidden: Sequence[int] = (), dropout: float = 0.0, seed: int
) -> nn.Module:
    """A head with random weights for the same input as ``layer``.

    Args:
        layer: the linear layer to replace, or the 1 x 1 convolution that gives SqueezeNet its logits.
        n_classes: C.
        hidden: widths of hidden layers, from input to logits.
        dropout: before each layer, 0..1.
        seed: of the weights; no other random state is read or moved.

    Returns:
        A layer of the same kind, with a bias if ``layer`` has one; a ``Head`` where there are hidden layers or
        dropout. On the device of ``layer``.

    Raises:
        TrainingError: ``layer`` is neither.
    """
    generator = torch.Generator().manual_seed(seed)
    widths = [_inputs(layer), *hidden, n_classes]
    parts: list[nn.Module] = []
    for place, (n_in, n_out) in enumerate(pairwise(widths)):
        last = place == len(hidden)
        parts += [nn.Dropout(dropout)] if dropout or hidden else []
        parts += [_filled(_layer_like(layer, n_in, n_out, last), last, generator)]
        parts += [] if last else [nn.ReLU()]
    head = parts[0] if len(parts) == 1 else Head(*parts)
    return head.to(next(layer.parameters()).device)


def with_new_head(
    module: nn.Module,
    head: str,
    n_classes: int,
    *,
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
    seed: int,
) -> tuple[nn.Module, str]:
    """Replace the head of a network, in place.

    Where the architecture drops out right before its head already (MobileNet, VGG ...), that dropout takes the new
    share, so that nothing is dropped twice and a linear head keeps its name.

    Args:
        module: the network; it is changed.
        head: dotted name of its last layer ("fc"), or of the last layer of a head that this function made.
        n_classes: C.
        hidden: widths of hidden layers; () is a linear head.
        dropout: before each layer, 0..1.
        seed: of the weights.

    Returns:
        The network, and the dotted name of its last layer now ("fc", "fc.1", "fc.4" ...).

    Raises:
        TrainingError: there is no linear layer of that name.
    """
    whole = head_name(module, head)
    parent_name, _, child = whole.rpartition(".")
    parent = module.get_submodule(parent_name)
    built = new_head(first_layer(module, head), n_classes, hidden=hidden, dropout=dropout, seed=seed)
    before = dropout_before(module, head)
    if before is not None:
        before.p = dropout
        if isinstance(built, Head):
            built = _without_first(built)
    setattr(parent, child, built.train(parent.training))
    return module, f"{whole}.{len(built) - 1}" if isinstance(built, Head) else whole


def head_name(module: nn.Module, head: str) -> str:
    """Dotted name of all of the head: of the ``Head`` that the last layer lies in, else of the last layer alone.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    parent = head.rpartition(".")[0]
    return parent if parent and isinstance(module.get_submodule(parent), Head) else head


def first_layer(module: nn.Module, head: str) -> nn.Module:
    """The first layer with weights of the head; its last too where there are no hidden ones."""
    whole = module.get_submodule(head_name(module, head))
    return next(each for each in whole.modules() if not list(each.children()) and list(each.parameters()))


def dropout_before(module: nn.Module, head: str) -> nn.Dropout | None:
    """The architecture's own dropout right before its head, if it has one.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    parent_name, _, child = head_name(module, head).rpartition(".")
    parent = module.get_submodule(parent_name)
    if isinstance(parent, nn.Sequential):
        names = list(dict(parent.named_children()))
        place = names.index(child)
        found = parent.get_submodule(names[place - 1]) if place else None
    else:  # GoogLeNet and Inception call theirs by name
        found = getattr(parent, "dropout", None)
    return found if isinstance(found, nn.Dropout) else None


def hidden_widths(module: nn.Module, head: str) -> tuple[int, ...]:
    """Widths of the head's hidden layers.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    whole = module.get_submodule(head_name(module, head))
    outputs = [_outputs(each) for each in whole.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    return tuple(outputs[:-1])


def head_dropout(module: nn.Module, head: str) -> float:
    """The share that is dropped before the head's layers, 0..1.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    before = dropout_before(module, head)
    inside = module.get_submodule(head_name(module, head)).modules()
    drops = [each.p for each in (before, *inside) if isinstance(each, nn.Dropout)]
    return float(drops[0]) if drops else 0.0


def empty_layer(make: type[nn.Module], *args: object, **kwargs: object) -> nn.Module:
    """A layer with memory for its weights but nothing in it yet; no random number is drawn.

    Args:
        make: its class.
        *args: what its class takes.
        **kwargs: what its class takes.
    """
    with OnMeta():
        layer = make(*args, **kwargs)
    return layer.to_empty(device="cpu")


def _without_first(head: Head) -> nn.Module:
    parts = list(head.children())[1:]
    return parts[0] if len(parts) == 1 else Head(*parts)


def _inputs(layer: nn.Module) -> int:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels
    raise TrainingError(
        f"A {type(layer).__name__} gives this network its logits, which no new head can replace.",
        next_step="Choose a network whose last layer is linear.",
    )


def _outputs(layer: nn.Linear | nn.Conv2d) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _layer_like(layer: nn.Module, n_in: int, n_out: int, last: bool) -> nn.Module:
    bias = not last or getattr(layer, "bias", None) is not None
    if isinstance(layer, nn.Linear):
        return empty_layer(nn.Linear, n_in, n_out, bias=bias)
    return empty_layer(nn.Conv2d, n_in, n_out, kernel_size=(1, 1), bias=bias)


def _filled(layer: nn.Module, last: bool, generator: torch.Generator) -> nn.Module:
    """He's uniform weights before a ReLU (He et al. 2015, "Delving deep into rectifiers"), torch's own in the last."""
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    if last:
        nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
    else:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
    if layer.bias is not None:
        bound = _inputs(layer) ** -0.5
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
