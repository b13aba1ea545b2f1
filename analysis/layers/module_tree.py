"""The modules of a network as a tree in rows: what each gives, weighs, computes and sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from analysis.layers.passage import Passed, passage
from analysis.layers.receptive_field import ReceptiveField
from models.errors import ErrorscopeError
from models.finetune.recipe import KINDS
from models.finetune.stages import stages, trained
from models.network import Network, NetworkKind


@dataclass(frozen=True)
class ModuleRow:
    """One module of a network.

    Args:
        name: dotted; "" is the network itself.
        kind: its class ("Conv2d").
        depth: how many modules it lies in; 0 for the network.
        is_leaf: whether no module lies in it.
        n_weights: numbers in its parameters and those of all modules in it; shared ones count once.
        output_shape: for one image, without the batch; None where it did not run, or is a program's.
        multiply_adds: for one image, of all in it; None where it is a program's.
        receptive_field: pixels that a place of its output hangs on; None where that is not defined.
        sees_all: whether each place hangs on the whole image, in part (a gate) or altogether.
        stage: the stage that it belongs to ("layer4"); "" where it lies in none, or in several.
        learns_in: keys of the recipes that train all its weights, in the order of `KINDS`.
        calls: how often it ran for one image; None where it is a program's.
        in_block: whether it lies in a block: what is no mere list of blocks, and works in one stage.
    """

    name: str
    kind: str
    depth: int
    is_leaf: bool
    n_weights: int
    output_shape: tuple[int, ...] | None = None
    multiply_adds: int | None = None
    receptive_field: ReceptiveField | None = None
    sees_all: bool = False
    stage: str = ""
    learns_in: tuple[str, ...] = ()
    calls: int | None = None
    in_block: bool = False


@dataclass(frozen=True)
class ModuleTree:
    """A network's modules, outer before inner, in the order in which they are defined.

    Args:
        rows: the first is the network itself.
        input_size: (H, W) in pixels of the image that shapes and counts are for.
        kind: "state_dict", or the kind of program.
        stages: name to number of weights of each stage, from input to head; {} for programs.
        bytes_of_weights: of all parameters and buffers, as they lie in memory.
        limits: what could not be found out, and why, in words; "" where all was.
    """

    rows: tuple[ModuleRow, ...]
    input_size: tuple[int, int]
    kind: NetworkKind
    stages: Mapping[str, int]
    bytes_of_weights: int
    limits: str = ""

    @property
    def whole(self) -> ModuleRow:
        """The network itself."""
        return self.rows[0]


def module_tree(network: Network, input_size: tuple[int, int]) -> ModuleTree:
    """The tree of a network's modules, found by one forward pass that takes no memory.

    Args:
        network: any; of a TorchScript program only modules and weights are known, of others only the weights.
        input_size: (H, W) of its input in pixels.

    Raises:
        ErrorscopeError: the network does not take an input of this size.
    """
    module = network.module
    size = sum(each.nbytes for each in (*module.parameters(), *module.buffers()))
    if network.kind != "state_dict":
        rows = _rows_of_a_program(network)
        return ModuleTree(rows, input_size, network.kind, {}, size, _limits(network.kind))
    passed = passage(module, input_size)
    learning, stage_of, sizes, limits = _learning(network, input_size)
    inner = _in_blocks(module, stage_of)
    rows = tuple(
        _row(
            name,
            each,
            passed[name],
            stage=stage_of.get(id(each), ""),
            learning=learning,
            in_block=name in inner,
        )
        for name, each in module.named_modules()
    )
    return ModuleTree(rows, input_size, network.kind, sizes, size, limits)


def _row(
    name: str,
    module: nn.Module,
    passed: Passed,
    *,
    stage: str,
    learning: Mapping[str, frozenset[int]],
    in_block: bool,
) -> ModuleRow:
    weights = list(module.parameters())
    own = {id(each) for each in weights}
    field = passed.receptive_field
    local = field if isinstance(field, ReceptiveField) else None
    return ModuleRow(
        name=name,
        kind=_kind(module),
        depth=_depth(name),
        is_leaf=next(module.children(), None) is None,
        n_weights=sum(each.numel() for each in weights),
        output_shape=passed.output_shape,
        multiply_adds=passed.multiply_adds,
        receptive_field=local,
        sees_all=bool(local.whole if local else field),
        stage=stage,
        learns_in=tuple(key for key, trained_in in learning.items() if own and own <= trained_in),
        calls=passed.calls,
        in_block=in_block,
    )


def _in_blocks(module: nn.Module, stage_of: Mapping[int, str]) -> set[str]:
    """Names of the modules that lie in a block."""
    inner: set[str] = set()
    for name, _ in module.named_modules():
        parent = name.rpartition(".")[0]
        if parent and (parent in inner or not _is_list(module.get_submodule(parent), stage_of)):
            inner.add(name)
    return inner


def _is_list(module: nn.Module, stage_of: Mapping[int, str]) -> bool:
    """Whether it only holds parts one after another, or works in several stages."""
    if stage_of and id(module) not in stage_of:
        return True
    is_plain = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
    return is_plain and any(True for child in module.children() for _ in child.children())


def _learning(
    network: Network, input_size: tuple[int, int]
) -> tuple[dict[str, frozenset[int]], dict[int, str], dict[str, int], str]:
    """Ids of the weights that each recipe trains, the stage of each module by its id, and the stages' sizes."""
    if network.head is None:
        return {}, {}, {}, "Its last layer was not recognised, so nothing is said of the recipes."
    try:
        found = stages(network.module, network.head, input_size)
    except (ErrorscopeError, RuntimeError, ValueError, AssertionError) as error:
        return {}, {}, {}, f"Its stages could not be found ({str(error).strip().partition(chr(10))[0]})."
    stage_of = {id(each): stage.name for stage in found for each in stage.training_modules}
    learning = {
        key: frozenset(id(weight) for stage in trained(found, kind.n_stages) for weight in stage.parameters)
        for key, kind in KINDS.items()
        if key != "scratch"
    }
    return learning, stage_of, {stage.name: stage.n_weights for stage in found}, ""


def _rows_of_a_program(network: Network) -> tuple[ModuleRow, ...]:
    named = list(network.module.named_modules())
    return tuple(
        ModuleRow(
            name=name,
            kind=_kind(module),
            depth=_depth(name),
            is_leaf=next(module.children(), None) is None,
            n_weights=sum(each.numel() for each in module.parameters()),
        )
        for name, module in named
    )


def _limits(kind: NetworkKind) -> str:
    if kind == "torchscript":
        return (
            "This network is a TorchScript program: its modules and weights are known, but what each module gives, "
            "computes and takes cannot be read. Open the weights as a state dict to see that."
        )
    name = {"export": "a torch.export", "onnx": "an ONNX"}.get(kind, "another kind of")
    return (
        f"This network is {name} program: one flat list of operations without modules. Open the weights as a state "
        "dict to see its layers."
    )


def _kind(module: nn.Module) -> str:
    return str(getattr(module, "original_name", type(module).__name__))


def _depth(name: str) -> int:
    return name.count(".") + 1 if name else 0
