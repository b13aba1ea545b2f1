"""Evaluate a checkpoint without a browser: figures, predictions and a report in a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.evaluate_training import training_leakage
from analysis.export import predictions_table
from analysis.finding_sources import finding_sources
from analysis.findings import FindingSources
from analysis.report import report_html
from analysis.report_content import report_parts
from analysis.report_facts import circumstances
from analysis.report_parts import ReportParts
from analysis.summary import summary, summary_text
from analysis.survey import survey
from models.class_names import read_class_names
from models.errors import ErrorscopeError, WorkspaceError
from models.evaluation import matched
from models.images import ImageSet, open_image_set
from models.predictions import Predictions, predict, predictions_from_table
from models.progress import Progress, finished
from models.store import Store, write_bytes, write_table
from models.thumbnails import thumbnails

if TYPE_CHECKING:
    from models.network import Network

_PICTURE_SIZE = 256


@dataclass(frozen=True)
class Choices:
    """What a person asked to be evaluated.

    Args:
        output: the folder for the results; made if missing.
        checkpoint: the file of weights; None with ``from_predictions``.
        images: a folder or a table; with ``from_predictions`` the folder that its paths are relative
            to, or None for the folder of that file.
        from_predictions: a table of predictions made elsewhere, instead of a checkpoint.
        architecture: torchvision's name, where several fit.
        classes: a file of class names.
        groups: a file that gives each class its group.
        preprocessing: a JSON file.
        split: the split to evaluate; None takes all images.
        batch_size: images in one forward pass.
        limit: at most so many images.
        trust_code: run a checkpoint that is a program (TorchScript, torch.export).
        training: a folder or table in which copies of the images are looked for; None looks nowhere.
        training_split: only this split of it.
    """

    output: Path
    checkpoint: Path | None = None
    images: Path | None = None
    from_predictions: Path | None = None
    architecture: str | None = None
    classes: Path | None = None
    groups: Path | None = None
    preprocessing: Path | None = None
    split: str | None = None
    batch_size: int = 32
    limit: int | None = None
    trust_code: bool = False
    training: Path | None = None
    training_split: str | None = None


def evaluate(choices: Choices, store: Store, on_progress: Callable[[Progress], None]) -> Predictions:
    """Predict, or open what was predicted before, and write the results.

    Args:
        choices: what to evaluate.
        store: the workspace; a saved evaluation is used again, a stopped one goes on.
        on_progress: told where the work stands.

    Returns:
        The predictions, once ``summary.json``, ``predictions.parquet`` and ``report.html`` are written.

    Raises:
        ErrorscopeError: a file or a choice cannot be used.
    """
    began = time.perf_counter()
    folder = _output_folder(choices.output)
    if choices.training is not None:  # tried before hours of work go into the images
        on_progress(Progress("Opening the training images", 0, 0))
        open_image_set(choices.training, split=choices.training_split)
    if choices.from_predictions is not None:
        (predictions, facts), network = _read(choices, on_progress), None
    else:
        predictions, facts, network = _predicted(choices, store, on_progress)
    sources, parts = _looked_through(choices, predictions, network, store, on_progress)
    on_progress(Progress("Writing the report", 0, 0))

    def pictures(paths: Sequence[Path]) -> list[bytes | None]:
        return thumbnails(store, paths, size=_PICTURE_SIZE)

    page = report_html(predictions, facts=facts | circumstances(), pictures=pictures, parts=parts)
    seconds = predictions.seconds | {"this_run": time.perf_counter() - began}
    figures = summary_text(summary(predictions, seconds=seconds, sources=sources))
    try:
        write_table(folder / "predictions.parquet", predictions_table(predictions))
        # a file name that is no text holds lone surrogates, and \udc.. is how JSON writes them
        for name, text in (("report.html", page), ("summary.json", figures)):
            write_bytes(folder / name, text.encode("utf-8", "backslashreplace"))
    except WorkspaceError as error:  # its own advice is about the workspace
        raise ErrorscopeError(error.message, next_step="Name another folder with --output.") from error
    return predictions


def _looked_through(
    choices: Choices,
    predictions: Predictions,
    network: Network | None,
    store: Store,
    on_progress: Callable[[Progress], None],
) -> tuple[FindingSources, ReportParts]:
    """All that the analyses find, for the summary and for the report."""
    surveyed = finished(survey(predictions, store), on_progress)
    leakages = []
    if choices.training is not None:
        training = (choices.training, choices.training_split)
        leakages = [training_leakage(predictions, network, training, store, on_progress)]
    on_progress(Progress("Weighing the findings", 0, 0))
    sources = finding_sources(predictions, surveyed, leakages)
    return sources, report_parts(predictions, sources, surveyed, store)


def _output_folder(path: Path) -> Path:
    """The folder for the results, made and tried before hours of work go into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise ErrorscopeError(
            f"The output folder {path} cannot be made ({reason}).",
            next_step="Name another one with --output.",
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ErrorscopeError(
            f"Nothing can be written to the output folder {path}.",
            next_step="Name another one with --output.",
        )
    return path


def _read(choices: Choices, on_progress: Callable[[Progress], None]) -> tuple[Predictions, dict[str, str]]:
    assert choices.from_predictions is not None
    on_progress(Progress("Reading the predictions", 0, 0))
    names = read_class_names(choices.classes) if choices.classes else None
    predictions = predictions_from_table(
        choices.from_predictions, class_names=names, groups=choices.groups, root=choices.images,
        split=choices.split, limit=choices.limit,
    )  # fmt: skip
    return predictions, {"Predictions": str(choices.from_predictions)} | _selection(choices)


def _predicted(
    choices: Choices, store: Store, on_progress: Callable[[Progress], None]
) -> tuple[Predictions, dict[str, str], Network]:
    assert choices.checkpoint is not None and choices.images is not None
    on_progress(Progress("Opening the images", 0, 0))
    images = open_image_set(choices.images, groups=choices.groups, split=choices.split, limit=choices.limit)
    on_progress(Progress("Opening the checkpoint", 0, 0))
    network = _network(choices, images)
    facts = {
        "Checkpoint": str(choices.checkpoint),
        "Architecture": network.architecture,
        "Preprocessing": _preprocessing_words(network.preprocessing.to_json()),
        "Images": f"{images.root} ({images.layout})",
    }
    if images.splits and not choices.split:
        facts["Splits"] = f"all together: {', '.join(images.splits)}"
    predictions = predict(
        network, images, store=store, batch_size=choices.batch_size, on_progress=on_progress
    )
    return predictions, facts | _selection(choices), network


def _preprocessing_words(values: Mapping[str, object]) -> str:
    said = [f"{name} {value}" for name, value in values.items() if value is not None and value is not False]
    return ", ".join(said).replace("[", "").replace("]", "")


def _network(choices: Choices, images: ImageSet) -> Network:
    """The network, with its own class names where it has any, else those of the images."""
    # torch takes seconds to import: who reads predictions from a table does not wait for it
    from models.checkpoint import load_checkpoint
    from models.preprocessing_file import read_preprocessing

    assert choices.checkpoint is not None
    network = load_checkpoint(
        choices.checkpoint,
        architecture=choices.architecture,
        class_names=choices.classes,
        preprocessing=None if choices.preprocessing is None else read_preprocessing(choices.preprocessing),
        trust_code=choices.trust_code,
        device=None,
    )
    return matched(network, images)


def _selection(choices: Choices) -> dict[str, str]:
    said = {"Split": choices.split, "Limit": choices.limit, "Groups": choices.groups}
    said |= {"Training images": choices.training, "Training split": choices.training_split}
    return {what: str(value) for what, value in said.items() if value is not None}
