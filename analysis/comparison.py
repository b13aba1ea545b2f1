"""Match two predictions image by image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.comparison_record import Comparison, MatchedBy, Rows
from analysis.confusion import Booleans
from models.errors import ComparisonError
from models.predictions import Predictions

Names = npt.NDArray[np.object_]


def compared(
    before: Predictions,
    after: Predictions,
    *,
    hashes_before: Sequence[str] | None = None,
    hashes_after: Sequence[str] | None = None,
    report_half: Booleans | None = None,
) -> Comparison:
    """Two networks' answers to the images that both have seen.

    Images are the same where their bytes are, whatever they are called; without hashes of both, where their
    paths are: the whole paths, or those within the folder, whichever fit more images. Classes are the same where
    their names are; their order may differ, and either side may know some that the other does not.

    Args:
        before: the answers to compare with, N images.
        after: the answers to judge, K images.
        hashes_before: N hashes of the files' bytes (`models.image_hashes.content_hashes`), "" for a file that cannot be
            read, which then is known by its path; or None.
        hashes_after: K of them, or None.
        report_half: (N,) True for the held-out half of ``before``, which is all but `models.image_hashes.choosing_rows`;
            None where there are no halves.

    Returns:
        The images of both, in the order of ``before``.

    Raises:
        ComparisonError: they share no image, or not the same labels.
    """
    keys, other_keys, matched_by = _keys(before, after, hashes_before, hashes_after)
    labels, other_labels = _names(before)[before.labels], _names(after)[after.labels]
    rows, other_rows = _matched(keys, other_keys, labels, other_labels)
    if not len(rows):
        raise ComparisonError(
            f"The {len(before):,} images of the one and the {len(after):,} of the other have none in common.",
            next_step="Compare results on the same images.",
        )
    _check_labels(before, rows, labels[rows], other_labels[other_rows])
    names = before.class_names + tuple(name for name in after.class_names if name not in before.class_names)
    place = {name: index for index, name in enumerate(names)}
    to_common = np.array([place[name] for name in after.class_names], np.int64)
    pairs = [(keys[row], labels[row]) for row in rows]
    return Comparison(
        class_names=names,
        ids=tuple(before.images["id"].iloc[rows]),
        before_rows=rows,
        after_rows=other_rows,
        labels=before.labels[rows].astype(np.int64),
        before=before.predicted[rows].astype(np.int64),
        after=to_common[after.predicted[other_rows]],
        in_report_half=np.ones(len(rows), bool) if report_half is None else report_half[rows],
        is_copy=_repeats(pairs) if matched_by == "content" else np.zeros(len(rows), bool),
        has_halves=report_half is not None,
        n_only_before=len(before) - len(rows),
        n_only_after=len(after) - len(rows),
        matched_by=matched_by,
    )


def _names(predictions: Predictions) -> Names:
    return np.array(predictions.class_names, dtype=object)


def _keys(
    before: Predictions,
    after: Predictions,
    hashes_before: Sequence[str] | None,
    hashes_after: Sequence[str] | None,
) -> tuple[list[str], list[str], MatchedBy]:
    """What names an image on either side, and what that is."""
    paths = [list(each.images["path"]) for each in (before, after)]
    if hashes_before is not None and hashes_after is not None and any(hashes_before) and any(hashes_after):
        pairs = zip((hashes_before, hashes_after), paths, strict=True)
        # no path of a picture is taken for a hash: it has an ending
        keys = [[digest or path for digest, path in zip(*pair, strict=True)] for pair in pairs]
        return keys[0], keys[1], "content"
    whole = [[str(each.absolute(path)) for path in each.images["path"]] for each in (before, after)]
    found = max((whole, paths), key=lambda keys: len(set(keys[0]) & set(keys[1])))
    return found[0], found[1], "path"


def _matched(
    keys: Sequence[str], other_keys: Sequence[str], labels: Names, other_labels: Names
) -> tuple[Rows, Rows]:
    """Rows of both, paired by key; of copies those with the same label belong together."""
    free: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(other_keys):
        free[key].append(row)
    pairs: dict[int, int] = {}
    for same_label in (True, False):
        for row, key in enumerate(keys):
            candidates = () if row in pairs else free.get(key, ())
            fitting = [each for each in candidates if not same_label or other_labels[each] == labels[row]]
            if fitting:
                pairs[row] = fitting[0]
                free[key].remove(fitting[0])
    rows = np.array(sorted(pairs), np.intp)
    return rows, np.array([pairs[row] for row in rows], np.intp)


def _check_labels(before: Predictions, rows: Rows, labels: Names, others: Names) -> None:
    differ = np.flatnonzero(labels != others)
    if not differ.size:
        return
    first = differ[0]
    raise ComparisonError(
        f"{differ.size:,} of {len(rows):,} images have not the same label in both: "
        f'{before.images["path"].iloc[rows[first]]} is "{labels[first]}" in the one and "{others[first]}" in the other.',
        next_step="Give both the same labels.",
    )


def _repeats(keys: Sequence[object]) -> Booleans:
    """(M,) True where a key stood before."""
    seen: set[object] = set()
    repeats = []
    for key in keys:
        repeats.append(key in seen)
        seen.add(key)
    return np.array(repeats, bool)
