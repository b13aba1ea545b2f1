"""The phases of a training: which weights learn when, and what each is fed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from models.cores import background_threads
from models.finetune.cut import Cut, cut_before
from models.finetune.feature_cache import feature_steps
from models.finetune.features import Precision
from models.finetune.feeds import CachedFeed, ImageFeed
from models.finetune.phase import Feed, Group, Phase
from models.finetune.recipe import KINDS, Recipe
from models.finetune.spec import FinetuneSpec
from models.finetune.stages import Stage, stages, trained
from models.finetune.starting_network import StartingNetwork
from models.finetune.training_images import Roles
from models.progress import Progress, relayed
from models.store import Store

HEAD_EPOCHS = 10
"""Of a new head before deeper weights learn."""
HEAD_RATES = {"sgd": 0.02, "adamw": 0.001}
"""At least so fast learns a head that learns alone, by the optimiser: nothing before it can be spoilt."""


@dataclass(frozen=True)
class PhaseInputs:
    """What phases are made of.

    Args:
        spec: the fine-tuning's.
        start: the network, on ``device``.
        roles: the images.
        weights: (N,) how often each training image is drawn; None draws each once an epoch.
        device: where the network is.
    """

    spec: FinetuneSpec
    start: StartingNetwork
    roles: Roles
    weights: Tensor | None
    device: torch.device

    @property
    def feeds(self) -> tuple[ImageFeed, ImageFeed]:
        """The training images, augmented, and those that choose the best epoch.

        Where a graphics card computes, all cores decode; else they have enough to do.
        """
        threads = 1 if self.device.type == "cpu" else background_threads()
        return (
            ImageFeed(
                self.roles.train,
                self.start.preprocessing,
                self.spec.augmentation,
                self.spec.recipe.seed,
                forbidden=self.roles.forbidden,
                threads=threads,
            ),
            ImageFeed(self.roles.select, self.start.preprocessing, threads=threads),
        )


def planned(
    recipe: Recipe, found: Sequence[Stage], has_new_head: bool
) -> list[tuple[str, int, tuple[Stage, ...]]]:
    """The phases of a recipe: name, epochs, and the stages that learn.

    Args:
        recipe: how to train.
        found: the network's stages, from input to head.
        has_new_head: whether its head has random weights.
    """
    kind = KINDS[recipe.kind]
    main = (kind.label, recipe.epochs, trained(tuple(found), kind.n_stages))
    head_epochs = recipe.head_epochs
    if head_epochs is None:
        head_epochs = HEAD_EPOCHS if has_new_head else 0
    if kind.n_stages == 0 or recipe.kind == "scratch" or not head_epochs:
        return [main]
    return [("Head on bottleneck features", head_epochs, trained(tuple(found), 0)), main]


def phase_steps(
    inputs: PhaseInputs, store: Store, log: Callable[[str], None]
) -> Generator[Progress, None, tuple[Phase, ...]]:
    """Make the phases; features of frozen layers are computed where the recipe keeps them.

    Args:
        inputs: what they are made of.
        store: the workspace.
        log: told what a person may want to read later.

    Yields:
        Progress in images.

    Raises:
        TrainingError: there is no room for the features.
    """
    start, recipe = inputs.start, inputs.spec.recipe
    found = stages(start.module, start.head, start.input_size)
    phases = []
    for name, epochs, learning in planned(recipe, found, start.has_new_head):
        cut = _cut(inputs, learning)
        train: Feed
        validation: Feed
        train, validation = inputs.feeds
        if cut is not None:
            log(f"{name}: features at {cut.name}, {' x '.join(map(str, cut.shape))} numbers an image")
            train, validation = yield from _cached(cut, inputs, store)
        n_weights = sum(stage.n_weights for stage in learning)
        log(f"{name}: {n_weights:,} weights learn ({', '.join(stage.name for stage in learning)})")
        phases.append(
            Phase(
                name=name,
                module=start.module,
                forward=start.module if cut is None else cut.suffix,
                groups=_groups(learning, recipe),
                training_modules=tuple(each for stage in learning for each in stage.training_modules),
                epochs=epochs,
                train=train,
                validation=validation,
                sampling_weights=inputs.weights,
                views=recipe.views if inputs.spec.augmentation else 1,
                fixed_modules=_fixed(start.module, recipe),
            )
        )
    return tuple(phases)


def _fixed(module: nn.Module, recipe: Recipe) -> tuple[nn.Module, ...]:
    """What keeps its statistics wherever it is."""
    if recipe.batch_norm == "learning":
        return ()
    return tuple(each for each in module.modules() if isinstance(each, _BatchNorm))


def _groups(learning: Sequence[Stage], recipe: Recipe) -> tuple[Group, ...]:
    is_first_of_two = len(learning) == 1 and recipe.kind not in ("bottleneck", "scratch")
    factor = 1.0
    if is_first_of_two:
        factor = max(1.0, HEAD_RATES[recipe.optimiser] / recipe.learning_rate)
    return tuple(
        Group(stage.name, stage.parameters, factor * recipe.stage_factor**depth)
        for depth, stage in enumerate(reversed(learning))
    )


def _cut(inputs: PhaseInputs, learning: Sequence[Stage]) -> Cut | None:
    """Where the features to keep are, if any are kept."""
    spec = inputs.spec
    if not spec.recipe.keeps_features(is_augmented=bool(spec.augmentation)):
        return None
    example = torch.zeros(2, 3, *inputs.start.input_size, device=inputs.device)
    modules = [each for stage in learning for each in stage.training_modules]
    return cut_before(inputs.start.module, modules, example)


def _cached(
    cut: Cut, inputs: PhaseInputs, store: Store
) -> Generator[Progress, None, tuple[CachedFeed, CachedFeed]]:
    recipe, roles = inputs.spec.recipe, inputs.roles
    precision: Precision = "half" if recipe.cache == "half" else "exact"
    found = []
    for feed, words in zip(inputs.feeds, ("training images", "validation images"), strict=True):
        steps = feature_steps(
            store, feed, cut.prefix, cut.name,
            views=max(1, recipe.views), precision=precision, device=inputs.device,
        )  # fmt: skip
        found.append((yield from relayed(steps, partial(_said, words))))
    train, validation = found
    return (
        CachedFeed(train, roles.train, forbidden=roles.forbidden),
        CachedFeed(validation, roles.select),
    )


def _said(words: str, progress: Progress) -> Progress:
    return replace(progress, message=progress.message or words)
