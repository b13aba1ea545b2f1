"""The half of the validation images that is held out to compare a version. Needs no torch."""

from __future__ import annotations

from models.finetune.version_record import Version
from models.image_hashes import choosing_rows, content_hashes
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
    version are halved as they were when it was trained, whatever it is compared with.

    Args:
        store: the workspace.
        before: the result to compare with.
        after: the one to judge.
        made_by: the version whose evaluation ``after`` is, or None.
    """
    halved = _halved(store, before, after, made_by)
    paths = [halved.absolute(path) for path in halved.images["path"]]
    known = [
        digest or str(id)
        for digest, id in zip(content_hashes(store, paths), halved.images["id"], strict=True)
    ]
    return frozenset(
        key for key, chosen in zip(known, choosing_rows(store, halved), strict=True) if not chosen
    )


def _halved(store: Store, before: Predictions, after: Predictions, made_by: Version | None) -> Predictions:
    """Of which images the halves are: those that the version's baseline answered, as far as that is still kept."""
    if made_by is None:
        return before
    baseline = saved_predictions(store, str(made_by.data.get(BASELINE, "")))
    there = (each for each in (baseline, after) if each is not None and each.n_missing_files < len(each))
    return next(there, before)
