"""Phases: what learns when, at which rate, from what; and that nothing else ever changes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.content import content_hash
from models.finetune.augmentation import Augmentation
from models.finetune.feeds import CachedFeed, ImageFeed
from models.finetune.heads import with_new_head
from models.finetune.phase import Phase
from models.finetune.phases import HEAD_EPOCHS, PhaseInputs, phase_steps, planned
from models.finetune.recipe import KINDS, Recipe
from models.finetune.role_images import RoleImages
from models.finetune.spec import FinetuneSpec
from models.finetune.stages import stages
from models.finetune.starting_network import StartingNetwork
from models.finetune.training_images import Roles
from models.preprocessing import Preprocessing
from models.progress import finished
from models.store import Store
from tests.models.finetune.planted_images import FLIPPED, planted_spec
from tests.models.finetune.shrunken import N_CLASSES, shrunken
from tests.models.finetune.training_samples import CPU, RecordingRun, trained, weights
from tests.models.prediction_samples import CLASSES, picture

FAMILIES = ("googlenet", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "vgg16_bn", "vit_b_16")
N = {"train": 7, "select": 3, "report": 2}


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Roles:
    """A few pictures in each role."""
    folder, made = tmp_path_factory.mktemp("pictures"), {}
    for role, n in N.items():
        paths = tuple(picture(folder / role / f"{place}.jpg", hash_of(role, place)) for place in range(n))
        labels = np.arange(n, dtype=np.int64) % N_CLASSES
        ids = tuple(f"{role}{place}" for place in range(n))
        made[role] = RoleImages(paths, labels, ids, tuple(map(content_hash, paths)))
    return Roles(**made, test=RoleImages(), class_names=CLASSES, held_out=False)


def hash_of(role: str, place: int) -> int:
    return 100 * list(N).index(role) + place


def start_of(name: str, new_head: bool = False) -> StartingNetwork:
    module, head, size = shrunken(name)
    if new_head:
        module, head = with_new_head(module, head, N_CLASSES, hidden=(6,), dropout=0.3, seed=1)
    preprocessing = Preprocessing(size[0], size[0], (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return StartingNetwork(module, head, name, CLASSES, preprocessing, size, new_head)


def spec_of(recipe: Recipe, augmentation: Augmentation = FLIPPED) -> FinetuneSpec:
    return replace(planted_spec(Path("nowhere")), recipe=recipe, augmentation=augmentation)


def phases_of(
    recipe: Recipe,
    roles: Roles,
    folder: Path,
    start: StartingNetwork | None = None,
    augmentation: Augmentation = FLIPPED,
) -> tuple[Phase, ...]:
    start = start or start_of("shufflenet_v2_x0_5")
    inputs = PhaseInputs(spec_of(recipe, augmentation), start, roles, None, CPU)
    return finished(phase_steps(inputs, Store(folder), lambda _: None), lambda _: None)


def run_in(folder: Path) -> RecordingRun:
    folder.mkdir()
    return RecordingRun(folder)


def recipe_of(kind: str, **changes: object) -> Recipe:
    return replace(
        Recipe(kind, epochs=1, head_epochs=1, batch_size=4, learning_rate=0.01, warmup_epochs=0.0, views=2),  # type: ignore[arg-type]
        **changes,
    )


@pytest.mark.parametrize(
    ("name", "batch_norm"), [*((name, "learning") for name in FAMILIES), ("shufflenet_v2_x0_5", "fixed")]
)
def test_only_what_a_phase_trains_changes(name: str, batch_norm: str, roles: Roles, tmp_path: Path) -> None:
    recipe = recipe_of("last_block", batch_norm=batch_norm, stage_factor=1.0)
    start = start_of(name, new_head=True)
    found = stages(start.module, start.head, start.input_size)
    phases = phases_of(recipe, roles, tmp_path, start)
    assert [phase.name for phase in phases] == ["Head on bottleneck features", "Last block"]
    assert all(isinstance(phase.train, CachedFeed) for phase in phases)
    names = {id(tensor): key for key, tensor in start.module.named_parameters()}
    learning = [{names[id(each)] for each in stage.parameters} for stage in found]
    fixed = {key for key, _ in start.module.named_buffers()}
    for number, allowed in enumerate((learning[-1], learning[-1] | learning[-2])):
        before = weights(start.module)
        trained(phases[number : number + 1], recipe, run_in(tmp_path / f"run{number}"))
        after = weights(start.module)
        changed = {key for key in before if not torch.equal(before[key], after[key])}
        assert changed & set(names.values()) <= allowed
        assert changed & learning[-1]
        if number:
            assert changed & learning[-2]
        if batch_norm == "fixed":
            assert not changed & fixed
        else:
            inside = {key.rpartition(".")[0] for key in allowed}
            assert {key.rpartition(".")[0] for key in changed & fixed} <= inside


def test_no_phase_changes_what_kept_features_were_computed_with(roles: Roles, tmp_path: Path) -> None:
    """All that learns in it, or before it, comes after the cut, in the part that is trained."""
    for kind in ("last_block", "two_blocks"):
        start = start_of("shufflenet_v2_x0_5", new_head=True)
        phases = phases_of(recipe_of(kind), roles, tmp_path, start)
        learnt: set[int] = set()
        for phase in phases:
            assert phase.forward is not start.module
            learnt |= {id(each) for group in phase.groups for each in group.parameters}
            assert learnt <= {id(each) for each in phase.forward.parameters()}
            moved = {id(each) for module in phase.training_modules for each in module.buffers()}
            assert moved <= {id(each) for each in phase.forward.buffers()}


@pytest.mark.parametrize(
    ("changes", "augmentation", "kept"),
    [
        ({}, FLIPPED, True),
        ({"cache": "off"}, FLIPPED, False),
        ({"mixing": "mixup"}, FLIPPED, False),
        ({"views": 0}, FLIPPED, False),  # a new version of each image in every epoch
        ({"views": 0}, Augmentation(), True),
        ({"cache": "half"}, FLIPPED, True),
    ],
)
def test_features_are_kept_where_they_come_again(
    changes: dict[str, object], augmentation: Augmentation, kept: bool, roles: Roles, tmp_path: Path
) -> None:
    (phase,) = phases_of(recipe_of("bottleneck", **changes), roles, tmp_path, augmentation=augmentation)
    assert isinstance(phase.train, CachedFeed if kept else ImageFeed)
    assert (phase.forward is phase.module) != kept
    assert phase.views == (changes.get("views", 2) if augmentation else 1)
    assert phase.train.batch([0, 3], 0).shape[1:] == phase.validation.batch([0], 0).shape[1:]
    assert phase.train.labels.tolist() == roles.train.labels.tolist()


def test_of_the_whole_network_nothing_is_kept(roles: Roles, tmp_path: Path) -> None:
    (phase,) = phases_of(recipe_of("whole", head_epochs=0), roles, tmp_path)
    assert isinstance(phase.train, ImageFeed)
    assert {id(each) for group in phase.groups for each in group.parameters} == {
        id(each) for each in phase.module.parameters()
    }


def test_the_earlier_a_stage_the_more_slowly_it_learns(roles: Roles, tmp_path: Path) -> None:
    recipe = recipe_of("whole", head_epochs=0, stage_factor=0.5)
    (phase,) = phases_of(recipe, roles, tmp_path)
    assert phase.groups[0].name == "head"
    assert [group.factor for group in phase.groups] == [1, 0.5, 0.25, 0.125, 0.0625]


@pytest.mark.parametrize(("rate", "factor"), [(0.001, 20.0), (0.1, 1.0)])
def test_a_head_alone_learns_at_least_so_fast(
    rate: float, factor: float, roles: Roles, tmp_path: Path
) -> None:
    head, block = phases_of(recipe_of("last_block", learning_rate=rate), roles, tmp_path)
    assert [group.factor for group in head.groups] == pytest.approx([factor])
    assert block.groups[0].factor == 1
    (alone,) = phases_of(recipe_of("bottleneck", learning_rate=rate), roles, tmp_path)
    assert alone.groups[0].factor == 1


@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_any_size_of_batch_will_do(batch_size: int, roles: Roles, tmp_path: Path) -> None:
    recipe = recipe_of("last_block", batch_size=batch_size, head_epochs=0)
    result = trained(phases_of(recipe, roles, tmp_path), recipe, run_in(tmp_path / "run"))
    assert len(result.history) == 1 and np.isfinite(result.history[0]["validation_loss"])


def plan(recipe: Recipe, has_new_head: bool) -> list[tuple[int, Sequence[str]]]:
    found = stages(*_STAGED)
    return [
        (epochs, [each.name for each in learning])
        for _, epochs, learning in planned(recipe, found, has_new_head)
    ]


_STAGED = shrunken("shufflenet_v2_x0_5")
ALL = ["conv1", "stage2", "stage3", "stage4 to conv5", "head"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head_epochs", [None, 0, 3])
@pytest.mark.parametrize("has_new_head", [False, True])
def test_the_head_alone_comes_first_where_it_is_new_or_asked_for(
    kind: str, head_epochs: int | None, has_new_head: bool
) -> None:
    n = KINDS[kind].n_stages
    main = (15, ALL if n is None else ALL[-(n + 1) :])
    alone = head_epochs if head_epochs is not None else HEAD_EPOCHS if has_new_head else 0
    first = [(alone, ["head"])] if alone and kind not in ("bottleneck", "scratch") else []
    assert plan(Recipe(kind, head_epochs=head_epochs), has_new_head) == [*first, main]  # type: ignore[arg-type]
