"""All that a training needs before its first step: images in their roles, the network, its phases, their feeds."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.devices import checked_device, moved
from models.errors import TrainingError
from models.evaluation import images_of, opened_network
from models.finetune.feature_cache import embedding_steps
from models.finetune.feeds import ImageFeed
from models.finetune.held_out import learned_images
from models.finetune.phase import Phase
from models.finetune.phases import PhaseInputs, phase_steps
from models.finetune.role_images import RoleImages
from models.finetune.same_files import place
from models.finetune.spec import FinetuneSpec
from models.finetune.starting_network import StartingNetwork, starting_network
from models.finetune.targeting import Raised, sampling_weights
from models.finetune.training_images import Roles, roles_steps
from models.halves import Booleans, choosing_half
from models.image_hashes import content_hash_steps, hashes_of, known_by
from models.images import ImageSet
from models.network import Network
from models.norm_statistics import norm_statistics
from models.prediction_record import Predictions
from models.progress import Progress
from models.store import Store


@dataclass(frozen=True)
class Prepared:
    """What is trained on what.

    Args:
        spec: the fine-tuning's.
        roles: the images of each role.
        start: the network; its module is what learns.
        phases: in their order.
        device: where the module is.
        targeting: what was raised for the target, as plain data; {} without one.
    """

    spec: FinetuneSpec
    roles: Roles
    start: StartingNetwork
    phases: tuple[Phase, ...]
    device: torch.device
    targeting: dict[str, Any]


def preparation_steps(
    spec: FinetuneSpec,
    before: Predictions,
    store: Store,
    *,
    log: Callable[[str], None],
    device: torch.device | None = None,
) -> Generator[Progress, None, Prepared]:
    """Prepare a training. What took long is kept in the workspace, so the next time takes seconds.

    Args:
        spec: the fine-tuning's.
        before: what the baseline says of the validation images.
        store: the workspace.
        log: told what a person may want to read later.
        device: where to compute; None takes the fastest that can be used.

    Yields:
        Progress in images.

    Returns:
        The phases, with everything they need.

    Raises:
        ErrorscopeError: the network or the images cannot be used.
    """
    yield Progress("Opening the model", 0, 0)
    validation = images_of(spec.start)
    start = starting_network(spec, validation)
    learned = learned_images(store, spec)
    known = known_by(before, hashes_of(store, before))
    choosing = choosing_half(before.images["label"].tolist(), known)
    choosing |= np.array([key in learned for key in known], bool)
    if learned.issuperset(known):
        raise TrainingError(
            f"The network that this training starts from has learned from all {len(known)} validation images: none is left "
            "to judge the result.",
            next_step="Open other validation images, or start from another network.",
        )
    ids = _ids_of(validation, before, choosing)
    roles = yield from roles_steps(store, validation, spec.training, start.class_names, choosing_ids=ids)
    _log_roles(roles, log)
    if spec.recipe.throws_off(norm_statistics(start.module.modules())):
        log(
            "The batch norms of this network were folded into its convolutions: statistics that follow the batches throw it "
            'off at once. Better let batch_norm be "fixed".'
        )
    weights, targeting = yield from _target_steps(spec, before, choosing, roles, store)
    device = device or checked_device(None)
    module = moved(start.module.to(memory_format=torch.channels_last), str(device))  # type: ignore[call-overload]
    start = replace(start, module=module)
    phases = yield from phase_steps(PhaseInputs(spec, start, roles, weights, device), store, log)
    return Prepared(spec, roles, start, phases, device, targeting)


def _ids_of(validation: ImageSet, before: Predictions, choosing: Booleans) -> list[str]:
    """What the validation images of the choosing half are called."""
    chosen = {place(before.absolute(path)) for path in before.images["path"][choosing]}
    table = validation.table
    places = (place(validation.absolute(path)) for path in table["path"])
    return [id for id, each in zip(table["id"], places, strict=True) if each in chosen]


def _log_roles(roles: Roles, log: Callable[[str], None]) -> None:
    log(
        f"{len(roles.train):,} training images; {len(roles.select):,} choose the best epoch; "
        f"{len(roles.report):,} are kept for the comparison; {len(roles.test):,} test images"
    )
    if roles.held_out:
        log(
            "No training images were named: part of the validation images is trained on, the held-out half is not."
        )
    if roles.excluded:
        log(f"{len(roles.excluded):,} images left out, because the same files are validation or test images.")
    if roles.unreadable:
        log(f"{len(roles.unreadable):,} files cannot be read and are left out.")
    if roles.empty_classes:
        log(f"Classes without a training image: {', '.join(roles.empty_classes)}.")


def _target_steps(
    spec: FinetuneSpec, before: Predictions, choosing: Booleans, roles: Roles, store: Store
) -> Generator[Progress, None, tuple[Tensor | None, dict[str, Any]]]:
    """How often each training image is drawn, and what was raised."""
    if spec.target is None:
        return None, {}
    raised = yield from _raised_steps(spec, before, choosing, roles, store)
    validation = [before.absolute(path) for path in before.images["path"]]
    return torch.from_numpy(raised.weights), raised.to_json(roles.train.paths, validation)


def _raised_steps(
    spec: FinetuneSpec, before: Predictions, choosing: Booleans, roles: Roles, store: Store
) -> Generator[Progress, None, Raised]:
    assert spec.target is not None
    network, is_baseline = _eyes(spec)
    device = next(network.module.parameters()).device
    feed = ImageFeed(roles.train, network.preprocessing)
    embeddings = yield from embedding_steps(store, feed, network, device)
    if not is_baseline or before.embeddings is None:
        of_validation = yield from _validation_embeddings(before, network, store, device)
        before = replace(before, embeddings=of_validation)
    labels = [roles.class_names[label] for label in roles.train.labels]
    return sampling_weights(spec.target, before, choosing, embeddings, labels)


def _eyes(spec: FinetuneSpec) -> tuple[Network, bool]:
    """The network that says which images are alike: the open model, and whether it is that.

    Where that is a program, or only a table of its predictions is open, it is the one to start from.
    """
    for each in (spec.baseline, spec.start):
        network = opened_network(each) if each.checkpoint else None
        if network is not None and network.head is not None:
            return network, each is spec.baseline
    raise TrainingError(
        "How the open model sees the images is not known, so the training images that are like its mistakes cannot be "
        "found.",
        next_step="Open a checkpoint of weights, or train without a target.",
    )


def _validation_embeddings(
    before: Predictions, network: Network, store: Store, device: torch.device
) -> Generator[Progress, None, npt.NDArray[np.float32]]:
    paths = [before.absolute(path) for path in before.images["path"]]
    hashes = yield from content_hash_steps(store, paths)
    images = RoleImages(
        tuple(paths), before.labels.astype(np.int64), tuple(before.images["id"]), tuple(hashes)
    )
    return (yield from embedding_steps(store, ImageFeed(images, network.preprocessing), network, device))
