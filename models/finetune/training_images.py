"""Which images a training learns from, which choose its best epoch, and which judge it. Needs no torch.

The validation images are halved by content: the choosing half is where a person picks what to mend, the
report half only ever compares. Training images come from elsewhere, and none of them may be a validation
or a test image; where there are none, the choosing half is trained on, but for a fifth of it that chooses
the best epoch. No file plays two roles, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import TrainingError
from models.finetune.role_files import RoleFiles, check_labels, role_files_steps
from models.finetune.role_images import RoleImages, epoch_choosing
from models.finetune.spec import TrainingImages
from models.finetune.suggested_training import suggested_training
from models.halves import choosing_half
from models.image_listing import Unreadable
from models.images import ImageSet, open_image_set
from models.progress import Progress
from models.store import Store

__all__ = ["Excluded", "RoleImages", "Roles", "roles_steps", "suggested_training"]

OTHERS = "Choose other training images, or none: the validation images are then split."


@dataclass(frozen=True)
class Excluded:
    """An image that was left out because it plays another role already.

    Args:
        path: the file.
        role: the role it was meant for: "train" or "test".
        twin: the file with the same bytes.
        twin_role: what that one is: "select", "report" or "test".
    """

    path: str
    role: str
    twin: str
    twin_role: str


@dataclass(frozen=True, eq=False)
class Roles:
    """The images of a training. No file's content is in two of ``train``, ``select``, ``report`` and ``test``.

    Args:
        train: what the network learns from.
        select: what chooses the best epoch: the choosing half of the validation images, or a fifth of it where
            the rest is trained on.
        report: the other half; for the comparison only.
        test: for the one test at the end; empty where there is none.
        class_names: C names that labels are indices of.
        held_out: whether training images were taken from the validation images, because there were no others.
        excluded: training and test images that were left out.
        unreadable: files of any role that cannot be read; paths are absolute.
        empty_classes: class names without a training image, in order.
    """

    train: RoleImages
    select: RoleImages
    report: RoleImages
    test: RoleImages
    class_names: tuple[str, ...]
    held_out: bool
    excluded: tuple[Excluded, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    empty_classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        roles = [set(images.hashes) for images in (self.train, self.select, self.report, self.test)]
        assert sum(map(len, roles)) == len(set().union(*roles)), "a file plays two roles"

    @property
    def forbidden(self) -> frozenset[str]:
        """Hashes of all files that must never be trained on."""
        return frozenset((*self.select.hashes, *self.report.hashes, *self.test.hashes))

    def to_json(self) -> dict[str, Any]:
        """What a version keeps of it: fingerprint and n of each role, and what was left out."""
        roles = {"train": self.train, "select": self.select, "report": self.report, "test": self.test}
        return {
            **{name: {"fingerprint": images.fingerprint, "n": len(images)} for name, images in roles.items()},
            "held_out": self.held_out,
            "excluded": [vars(each) for each in self.excluded],
            "unreadable": [vars(each) for each in self.unreadable],
            "empty_classes": list(self.empty_classes),
        }


def roles_steps(
    store: Store,
    validation: ImageSet,
    training: TrainingImages,
    class_names: Sequence[str],
    *,
    choosing_ids: Collection[str] | None = None,
) -> Generator[Progress, None, Roles]:
    """Find the images of a training and give each its role.

    Every file is hashed and decoded once; what was found out is kept, so that the next training begins at once.

    Args:
        store: the workspace.
        validation: the open validation images.
        training: where the training and test images lie.
        class_names: C names, in the order of the network's logits.
        choosing_ids: ids of the validation images of the choosing half, where that is known already
            (``models.image_hashes.choosing_rows``); None finds it from the files that can be read.

    Yields:
        Progress in images.

    Returns:
        The roles.

    Raises:
        ImagesError: the training or test images cannot be opened.
        TrainingError: they have labels that the network does not know, or too few images are left for a role.
    """
    yield Progress("Reading the list of images", 0, 0)
    sets = {"validation": validation}
    if training.path is not None:
        sets["train"] = open_image_set(training.path, split=training.split)
    if training.test_path is not None:
        sets["test"] = open_image_set(training.test_path, split=training.test_split)
    names = tuple(class_names)
    for role, images in sets.items():
        check_labels(role, images, names)
    found = yield from role_files_steps(store, sets, names)
    return _checked(_roles(found, names, choosing_ids), training)


def _roles(found: RoleFiles, class_names: tuple[str, ...], choosing_ids: Collection[str] | None) -> Roles:
    select, report = _halves(found.sets["validation"], class_names, choosing_ids)
    judging = {"select": select, "report": report}
    test, of_test = _without(found.sets.get("test", RoleImages()), "test", judging)
    if "train" in found.sets:
        train, of_train = _without(found.sets["train"], "train", {**judging, "test": test})
    else:
        is_select = epoch_choosing(select.labels.tolist(), select.hashes)
        train, select, of_train = select.where(~is_select), select.where(is_select), ()
    present = set(train.labels.tolist())
    return Roles(
        *(train, select, report, test),
        class_names=class_names,
        held_out="train" not in found.sets,
        excluded=of_train + of_test,
        unreadable=found.unreadable,
        empty_classes=tuple(name for index, name in enumerate(class_names) if index not in present),
    )


def _halves(
    validation: RoleImages, class_names: tuple[str, ...], choosing_ids: Collection[str] | None
) -> tuple[RoleImages, RoleImages]:
    """The choosing half and the report half."""
    if choosing_ids is None:
        is_choosing = choosing_half([class_names[label] for label in validation.labels], validation.hashes)
    else:
        wanted = frozenset(choosing_ids)
        pairs = list(zip(validation.ids, validation.hashes, strict=True))
        contents = {digest for name, digest in pairs if name in wanted}  # so that copies stay together
        is_choosing = np.array([digest in contents for _, digest in pairs], bool)
    return validation.where(is_choosing), validation.where(~is_choosing)


def _without(
    images: RoleImages, role: str, others: Mapping[str, RoleImages]
) -> tuple[RoleImages, tuple[Excluded, ...]]:
    """The images that are in no other role, and the rest."""
    twins = {
        digest: (str(path), name)
        for name, other in others.items()
        for path, digest in zip(other.paths, other.hashes, strict=True)
    }
    excluded = tuple(
        Excluded(str(path), role, *twins[digest])
        for path, digest in zip(images.paths, images.hashes, strict=True)
        if digest in twins
    )
    return images.where(np.array([digest not in twins for digest in images.hashes], bool)), excluded


def _checked(roles: Roles, training: TrainingImages) -> Roles:
    """The roles, where there is something in each that must not be empty."""
    left_out = sum(each.role == "train" for each in roles.excluded)
    if len(roles.empty_classes) > len(roles.class_names) - 2:
        why = f" ({left_out} of them are validation or test images)" if left_out else ""
        where = "training images" if training.path is None else f"training images in {training.path}"
        raise TrainingError(f"The {where} show fewer than two classes{why}.", next_step=OTHERS)
    if not len(roles.select) or not len(roles.report):
        raise TrainingError(
            "There are too few validation images to choose the best epoch and to judge the result.",
            next_step="Open a larger set of validation images.",
        )
    if training.test_path is not None and not len(roles.test):
        raise TrainingError(
            f"All test images in {training.test_path} are validation images: they could not judge afresh.",
            next_step="Choose other test images, or none.",
        )
    return roles
