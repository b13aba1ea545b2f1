"""What a command line names, opened: results to compare, their images, the declared target."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.class_changes import Cell
from analysis.comparison import compared
from analysis.comparison_record import Comparison
from models.errors import ComparisonError
from models.finetune.held_out import held_out_images
from models.finetune.spec import Target
from models.finetune.version_record import Version
from models.finetune.versions import version, versions
from models.image_hashes import content_hash_steps
from models.image_listing import listed
from models.predictions import Predictions, predictions_from_table, saved_predictions
from models.progress import Progress, finished
from models.saved_predictions import kept_predictions
from models.store import Store

EVALUATED = "predictions.parquet"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, eq=False)
class CompareSource:
    """One of the results to compare.

    Args:
        predictions: what was said of N images.
        hashes: N hashes of the files' bytes; "" for files that are not there.
        version: the version that said it, or None.
        trained_on: whether that, or one that it started from, learned from the choosing half of the images: there
            were no others to train on.
    """

    predictions: Predictions
    hashes: tuple[str, ...]
    version: Version | None = None
    trained_on: bool = False

    @property
    def keys(self) -> list[str]:
        """What each image is known by: its content, or where the file is not there its id."""
        return [
            digest or name for digest, name in zip(self.hashes, self.predictions.images["id"], strict=True)
        ]


def compare_source(
    store: Store, text: str, images: Path | None, on_progress: Callable[[Progress], None]
) -> CompareSource:
    """Open what a person named.

    Args:
        store: the workspace.
        text: a table of predictions, a folder that ``evaluate`` wrote, the fingerprint of a saved evaluation, or a
            version's id.
        images: the folder that the paths of a table are relative to; None takes the folder of the table.
        on_progress: told where the reading of the files stands.

    Raises:
        ErrorscopeError: it is none of these, or cannot be read.
    """
    predictions, made_by = _opened(store, text, images)
    trained_on = _learned_from_half(store, made_by)
    if predictions.n_missing_files == len(predictions):
        return CompareSource(predictions, ("",) * len(predictions), made_by, trained_on)
    paths = [predictions.absolute(path) for path in predictions.images["path"]]
    hashes = finished(content_hash_steps(store, paths), on_progress)
    return CompareSource(predictions, tuple(hashes), made_by, trained_on)


def _opened(store: Store, text: str, images: Path | None) -> tuple[Predictions, Version | None]:
    path = Path(text).expanduser()
    table = path / EVALUATED if path.is_dir() else path
    if table.is_file():
        return predictions_from_table(table, root=images), None
    if _FINGERPRINT.fullmatch(text) and (found := saved_predictions(store, text)) is not None:
        return found, next((each for each in versions(store) if each.evaluation == text), None)
    if text in {each.id for each in versions(store)}:
        made_by = version(store, text)
        return kept_predictions(store, made_by.evaluation), made_by
    raise ComparisonError(
        f"{text} is no table of predictions, no folder with {EVALUATED}, and no evaluation or version in {store.root}.",
        next_step="Evaluate the checkpoint first: python -m analysis evaluate.",
    )


def _learned_from_half(store: Store, made_by: Version | None) -> bool:
    """Whether a version, or one that it started from, was trained on half of its validation images."""
    if made_by is None:
        return False
    known, on = {each.id: each for each in versions(store)}, made_by.finetune_spec.start
    line: list[Version] = []
    while made_by is not None and made_by not in line:
        line.append(made_by)
        made_by = known.get(made_by.parent)
    return any(
        each.learned_from_half and (spec.start.images, spec.start.split) == (on.images, on.split)
        for each, spec in ((each, each.finetune_spec) for each in line)
    )


def held_out(store: Store, before: CompareSource, after: CompareSource) -> frozenset[str]:
    """What the images of the held-out half are known by (``CompareSource.keys``).

    Args:
        store: the workspace.
        before: the result to compare with.
        after: the one to judge.

    Raises:
        ComparisonError: none of the files is there, so nothing is known of halves.
    """
    if not any(before.hashes):
        raise ComparisonError(
            "The held-out half is known by what is in the images, and none of them is in "
            f"{before.predictions.root}.",
            next_step="Name their folder with --images, or compare all images with --half all.",
        )
    return held_out_images(store, before.predictions, after.predictions, after.version)


def between(before: CompareSource, after: CompareSource, kept_apart: Set[str] | None) -> Comparison:
    """The comparison of two results.

    Args:
        before: the one to compare with.
        after: the one to judge.
        kept_apart: what the images of the held-out half are known by; None where there are no halves.

    Raises:
        ComparisonError: they share no image, or not the same labels.
    """
    half = None if kept_apart is None else np.array([key in kept_apart for key in before.keys], bool)
    return compared(
        before.predictions, after.predictions,
        hashes_before=before.hashes, hashes_after=after.hashes, report_half=half,
    )  # fmt: skip


def declared_target(cells: tuple[Cell, ...], before: CompareSource, after: CompareSource) -> Target | None:
    """The target that was declared before the training.

    Args:
        cells: those that the command line names; () takes the target of the version.
        before: the result to compare with.
        after: the result to judge.

    Raises:
        ComparisonError: a cell names a class that neither side knows.
    """
    if not cells:
        return None if after.version is None else after.version.finetune_spec.target
    known = {*before.predictions.class_names, *after.predictions.class_names}
    unknown = [name for cell in cells for name in cell if name not in known]
    if unknown:
        raise ComparisonError(
            f'The target names the class "{unknown[0]}", which neither result knows.',
            next_step=f"Known are {listed(sorted(known), most=12)}.",
        )
    return Target(
        "group" if len(cells) > 1 else "cell", " + ".join("/".join(cell) for cell in cells), cells=cells
    )
