"""The half of the validation images that is held out to compare a version. Needs no torch."""

from __future__ import annotations

from models.errors import ImagesError
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.version_record import Version
from models.finetune.versions import versions
from models.halves import choosing_half
from models.image_hashes import content_hashes, hashes_of, known_by
from models.images import open_image_set
from models.prediction_record import Predictions
from models.saved_predictions import saved_predictions
from models.store import Store

BASELINE = "baseline"
"""Key of ``Version.data``: fingerprint of the evaluation whose images were halved when the version was trained."""


def held_out_images(
    store: Store, before: Predictions, after: Predictions, made_by: Version | None
) -> frozenset[str]:
    """What the images of the held-out half are known by: their content, or where a file is gone its image's id.

    The halves of a set are not those of a part of it: one image more moves many to the other side. So the images of a
    version are halved as they were when it was trained, whatever it is compared with; and those that the network it
    started from had learned from (``learned_images``) judge nothing.

    Args:
        store: the workspace.
        before: the result to compare with.
        after: the one to judge.
        made_by: the version whose evaluation ``after`` is, or None.
    """
    apart = _half(store, _halved(store, before, after, made_by), choosing=False)
    return apart - (learned_images(store, made_by.finetune_spec) if made_by is not None else frozenset())


def learned_images(store: Store, spec: FinetuneSpec) -> frozenset[str]:
    """Images that the network a training starts from has learned from, whatever half of a set they are in now.

    A version learned from its training images, as far as they were no validation or test images then, or where there were
    none, from the choosing half of its validation images. Training images that are gone are not known any more.

    Args:
        store: the workspace, with the versions that it started from.
        spec: of the training.

    Returns:
        What they are known by, as of ``held_out_images``.
    """
    ancestors = {each.id: each for each in versions(store)} if spec.parent else {}
    found: set[str] = set()
    while spec.recipe.kind != "scratch" and spec.parent in ancestors:
        made_by = ancestors.pop(spec.parent)
        spec = made_by.finetune_spec
        halved = _trained_with(store, made_by)
        if halved is None:
            continue
        if made_by.learned_from_half:
            found |= _half(store, halved, choosing=True)
        elif spec.training.path is not None:
            judged = known_by(halved, hashes_of(store, halved))
            found |= _training_contents(store, spec.training).difference(judged)
    return frozenset(found)


def _training_contents(store: Store, training: TrainingImages) -> frozenset[str]:
    """The hashes of training images that are no test images."""
    found = _contents(store, training.path, training.split)
    return found - _contents(store, training.test_path, training.test_split)


def _contents(store: Store, path: str | None, split: str | None) -> frozenset[str]:
    """The hashes of the files of a set, those that are still there."""
    if path is None:
        return frozenset()
    try:
        images = open_image_set(path, split=split)
    except ImagesError:
        return frozenset()
    paths = [images.absolute(each) for each in images.table["path"]]
    return frozenset(filter(None, content_hashes(store, paths)))


def _half(store: Store, predictions: Predictions, *, choosing: bool) -> frozenset[str]:
    """What the images of one half are known by."""
    known = known_by(predictions, hashes_of(store, predictions))
    rows = choosing_half(predictions.images["label"].tolist(), known)
    return frozenset(key for key, chosen in zip(known, rows, strict=True) if chosen == choosing)


def _halved(store: Store, before: Predictions, after: Predictions, made_by: Version | None) -> Predictions:
    """Of which images the halves are: those that the version's baseline answered, as far as that is still kept."""
    if made_by is None:
        return before
    there = (each for each in (_trained_with(store, made_by), after) if each is not None and _has_files(each))
    return next(there, before)


def _trained_with(store: Store, made_by: Version) -> Predictions | None:
    """The evaluation whose images were halved when a version was trained; its own where that is gone."""
    names = (str(made_by.data.get(BASELINE, "")), made_by.evaluation)
    found = (saved_predictions(store, name) for name in names)
    return next((each for each in found if each is not None and _has_files(each)), None)


def _has_files(predictions: Predictions) -> bool:
    return predictions.n_missing_files < len(predictions)
