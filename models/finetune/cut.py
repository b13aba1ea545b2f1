"""A network cut in two: layers that stay as they are, whose output is kept, and those that learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.dropout import _DropoutNd

from models.finetune.traced import traced
from models.torchvision_import import torchvision

_RANDOM = (_DropoutNd, torchvision.ops.StochasticDepth, torchvision.ops.DropBlock2d)


@dataclass(frozen=True)
class Cut:
    """The two parts of a network.

    Args:
        prefix: images (B, 3, H, W) to activation (B, ...); frozen, in evaluation mode.
        suffix: activation to logits (B, C); its layers are the network's own: what one learns, the other has learnt.
        name: of the activation: what is needed beside the weights to tell it from others.
        shape: of the activation of one image.
    """

    prefix: nn.Module
    suffix: nn.Module
    name: str
    shape: tuple[int, ...]


def cut_before(module: nn.Module, trained_modules: Iterable[nn.Module], example: Tensor) -> Cut | None:
    """Cut a network as late as one tensor holds all that the layers that learn need to know of an image.

    The cut comes after pooling and the like, but before dropout between the layers that stay and those that learn.

    Args:
        module: the network, without extra heads; nobody else may use it meanwhile.
        trained_modules: those that will learn or be in training mode (``Stage.training_modules``).
        example: (B, 3, H, W), normalised, with which the cut is tried; 2 images will do.

    Returns:
        The parts: prefix then suffix is the network, bit for bit. None where nothing can be kept: the first layer
        learns already, or the network's forward cannot be followed.
    """
    learning = {id(each) for each in trained_modules}
    with _evaluating(module), torch.no_grad():
        graph = traced(module)
        if graph is None or any(map(_depends_on_mode, graph.nodes)):
            return None
        expected = module(example)
        for place, live in _places(module, graph, learning):
            cut = _parts(module, graph, place, live, example)
            if cut is not None and torch.equal(cut.suffix(cut.prefix(example)), expected):
                return cut
    return None


def _places(module: nn.Module, graph: fx.Graph, learning: set[int]) -> list[tuple[int, fx.Node]]:
    """Where the graph may be cut, latest first: the number of its last operation before, and the one that goes on."""
    nodes = list(graph.nodes)
    changes = [_has_weights(module, node) or _drops_out(module, node, _RANDOM) for node in nodes]
    learns = [
        change and bool(_layers(module, node) & learning) for change, node in zip(changes, nodes, strict=True)
    ]
    first = learns.index(True) if True in learns else len(nodes) - 1
    weighted = [i for i in range(first) if _has_weights(module, nodes[i])]
    drops = [i for i in range(first) if _drops_out(module, nodes[i], (_DropoutNd,))]
    limit = min([first, *(i for i in drops if not weighted or i > weighted[-1])])
    number = {node: i for i, node in enumerate(nodes)}
    live: set[fx.Node] = set()
    found = []
    for i in range(limit):
        live = {
            each for each in (*live, nodes[i]) if max(map(number.__getitem__, each.users), default=-1) > i
        }
        passing = [each for each in live if each.op != "get_attr"]
        if len(passing) == 1 and weighted and weighted[0] <= i:
            found.append((i, passing[0]))
    return found[::-1]


def _layers(module: nn.Module, node: fx.Node) -> set[int]:
    """Ids of the modules that an operation is, or whose weight it is."""
    if node.op == "call_module":
        called = module.get_submodule(str(node.target))
        return {id(each) for each in called.modules()}
    if node.op == "get_attr":
        owner = module.get_submodule(str(node.target).rpartition(".")[0])
        return {id(owner)}
    return set()


def _has_weights(module: nn.Module, node: fx.Node) -> bool:
    if node.op == "call_module":
        return next(module.get_submodule(str(node.target)).parameters(), None) is not None
    return node.op == "get_attr"


def _drops_out(module: nn.Module, node: fx.Node, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether an operation is a layer of these kinds that drops anything in training mode."""
    called = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    return isinstance(called, kinds) and float(getattr(called, "p", 0)) > 0


def _depends_on_mode(node: fx.Node) -> bool:
    """Whether a function was told, once for all, that the network is not in training mode, where that matters."""
    if node.op != "call_function":
        return False
    name = getattr(node.target, "__name__", "")
    shares = [value for key, value in node.kwargs.items() if "dropout" in key]
    if "dropout" in name or "stochastic" in name:
        shares.append(node.kwargs.get("p", node.args[1] if len(node.args) > 1 else True))
    return "batch_norm" in name or any(map(bool, shares))


def _parts(module: nn.Module, graph: fx.Graph, place: int, live: fx.Node, example: Tensor) -> Cut | None:
    before, after = fx.Graph(), fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    rest: dict[fx.Node, fx.Node] = {live: after.placeholder("activation")}
    early = set(list(graph.nodes)[: place + 1])
    for node in graph.nodes:
        is_weight = node.op == "get_attr"
        if node in early and not (is_weight and early.isdisjoint(node.users)):
            copied[node] = before.node_copy(node, copied.__getitem__)
        if node not in early or (is_weight and not early.issuperset(node.users)):
            rest[node] = after.node_copy(node, rest.__getitem__)
    before.output(copied[live])
    prefix, suffix = fx.GraphModule(module, before).eval(), fx.GraphModule(module, after)
    activation = prefix(example)
    if not isinstance(activation, Tensor) or len(activation) != len(example):
        return None
    name = str(live.target) if live.op == "call_module" else live.name
    return Cut(prefix, suffix, name, tuple(activation.shape[1:]))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = {each: each.training for each in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for each, mode in modes.items():
            each.training = mode
