"""The network that a training starts from: opened or new, with the head and the class names it will have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from models.errors import TrainingError
from models.evaluation import opened_network
from models.evaluation_spec import EvaluationSpec
from models.finetune.heads import with_new_head
from models.finetune.recipe import Recipe
from models.finetune.small_cnn import ARCHITECTURE as SMALL_CNN
from models.finetune.small_cnn import HEAD, N_STAGES, PREPROCESSING, small_cnn
from models.finetune.spec import FinetuneSpec
from models.images import ImageSet, open_image_set
from models.network import Network
from models.own_networks import NetworkPlan, plan_of_module, trainable_copy
from models.preprocessing import Preprocessing

SMALLEST_SIDE = 2**N_STAGES


@dataclass(frozen=True)
class StartingNetwork:
    """A network about to be trained.

    Args:
        module: in evaluation mode, on the processor; nobody else has it.
        head: dotted name of its last layer.
        architecture: torchvision's name, or "small_cnn".
        class_names: C names, in the order of the logits.
        preprocessing: how an image becomes its input.
        input_size: (height, width) of that input, pixels.
        has_new_head: whether its head has random weights.
    """

    module: nn.Module
    head: str
    architecture: str
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    input_size: tuple[int, int]
    has_new_head: bool

    @property
    def plan(self) -> NetworkPlan:
        """How to rebuild it."""
        return plan_of_module(self.module, self.architecture, self.head, len(self.class_names))


def starting_network(spec: FinetuneSpec, validation: ImageSet) -> StartingNetwork:
    """Open or make the network that a training starts from.

    Its classes stay as they are where it knows all labels of the training and validation images; else it gets a new
    head for these labels.

    Args:
        spec: the fine-tuning's.
        validation: its validation images.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened or trained, or the training images cannot be opened.
    """
    labels = shown_labels(spec, validation)
    if spec.recipe.kind == "scratch":
        return _scratch(spec.recipe, labels, _scratch_preprocessing(spec.start))
    if not spec.start.checkpoint:
        raise TrainingError(
            f"{Path(spec.start.model).name} is a table of predictions: there is no network to train further.",
            next_step="Start from a checkpoint of weights, or train a small CNN from scratch.",
        )
    network = opened_network(spec.start)
    if network.kind != "state_dict":
        raise TrainingError(
            f"{network.path.name} is a program ({network.architecture}): its layers cannot be trained further.",
            next_step="Start from the checkpoint of weights that it was made of.",
        )
    return _opened(network, spec.recipe, labels, validation.class_names)


def shown_labels(spec: FinetuneSpec, validation: ImageSet) -> tuple[str, ...]:
    """All labels of the validation and the training images: the former in their order, then what only the latter have."""
    if spec.training.path is None:
        return validation.class_names
    others = open_image_set(spec.training.path, split=spec.training.split).class_names
    return (*validation.class_names, *(name for name in others if name not in set(validation.class_names)))


def _opened(network: Network, recipe: Recipe, labels: Sequence[str], shown: Sequence[str]) -> StartingNetwork:
    assert network.head is not None  # it is no program
    names = network.class_names
    # As `models.evaluation.matched` calls them; in any other case their order would be a guess.
    if network.placeholder_names and len(names) == len(shown) == len(labels):
        names = tuple(shown)
    knows_all = set(labels) <= set(names)
    is_new = not knows_all or recipe.new_head or bool(recipe.hidden)
    module, head = trainable_copy(network).cpu(), network.head
    if is_new:
        names = names if knows_all else tuple(labels)
        module, head = with_new_head(
            module, head, len(names), hidden=recipe.hidden, dropout=recipe.dropout, seed=recipe.seed
        )
    return StartingNetwork(
        module=module,
        head=head,
        architecture=network.architecture,
        class_names=names,
        preprocessing=network.preprocessing,
        input_size=_input_size(network.preprocessing),
        has_new_head=is_new,
    )


def _scratch(recipe: Recipe, labels: Sequence[str], preprocessing: Preprocessing) -> StartingNetwork:
    size = _input_size(preprocessing)
    if min(size) < SMALLEST_SIDE:
        raise TrainingError(
            f"The small CNN needs pictures of {SMALLEST_SIDE} pixels or more, and the preprocessing gives "
            f"{size[0]} x {size[1]}.",
            next_step="Open the model with a larger resize and crop, or choose another kind of recipe.",
        )
    return StartingNetwork(
        module=small_cnn(len(labels), recipe.dropout, recipe.seed),
        head=HEAD,
        architecture=SMALL_CNN,
        class_names=tuple(labels),
        preprocessing=preprocessing,
        input_size=size,
        has_new_head=True,
    )


def _scratch_preprocessing(start: EvaluationSpec) -> Preprocessing:
    """That of the checkpoint beside which the small network is to stand, or a usual one."""
    if start.preprocessing is not None:
        return Preprocessing.from_json(start.preprocessing)
    if start.checkpoint:
        return opened_network(start).preprocessing
    return PREPROCESSING


def _input_size(preprocessing: Preprocessing) -> tuple[int, int]:
    size = preprocessing.input_size()
    if size is None:
        raise TrainingError(
            "The preprocessing gives pictures of various sizes, which make no batch.",
            next_step="Open the model with a crop, or a resize to a height and a width.",
        )
    return size
