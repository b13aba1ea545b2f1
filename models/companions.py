"""What stands in or beside a checkpoint and says how to read it: class names, preprocessing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.class_names import names_in, read_class_names
from models.errors import CheckpointError, ClassNamesError, PreprocessingError
from models.preprocessing import Preprocessing
from models.preprocessing_file import read_preprocessing
from models.weights_file import DAMAGED_ZIP, DOWNLOAD_AGAIN

CHECKPOINT_METADATA = "the checkpoint's metadata"
_LARGEST_EXTRA = 1_000_000


def class_names_for(path: Path, metadata: Mapping[str, Any]) -> tuple[tuple[str, ...], str] | None:
    """The class names that come with a checkpoint.

    Args:
        path: the checkpoint.
        metadata: plain data from inside it.

    Returns:
        The names and where they were found, in words: the metadata, else ``<stem>.classes.txt``,
        ``<stem>.json``, ``classes.txt`` or ``class_names.json`` beside it. None where there are none.

    Raises:
        ClassNamesError: a file of names is there but cannot be used.
    """
    inside = names_in(metadata)
    if inside is not None:
        return inside[0], f'{CHECKPOINT_METADATA} ("{inside[1]}")'
    for name in (f"{path.stem}.classes.txt", f"{path.stem}.json", "classes.txt", "class_names.json"):
        beside = path.with_name(name)
        if beside.is_file() and _may_hold_names(beside, own=name.startswith(path.stem)):
            return read_class_names(beside), name
    return None


def preprocessing_for(path: Path, metadata: Mapping[str, Any]) -> Preprocessing | None:
    """The preprocessing that was saved with a checkpoint, or None.

    Args:
        path: the checkpoint; ``<stem>.preprocessing.json`` beside it is read.
        metadata: plain data from inside it; its key "preprocessing" comes first.

    Raises:
        PreprocessingError: one is there but makes no sense.
    """
    inside = metadata.get("preprocessing")
    if isinstance(inside, str):
        try:
            inside = json.loads(inside)
        except ValueError as error:
            raise PreprocessingError(
                f'The "preprocessing" in {path.name} is no valid JSON ({error}).', next_step="Save it again."
            ) from error
    if isinstance(inside, Mapping):
        return Preprocessing.from_json(inside)
    beside = path.with_name(f"{path.stem}.preprocessing.json")
    return read_preprocessing(beside) if beside.is_file() else None


def program_metadata(path: Path) -> dict[str, Any]:
    """The extra files in a program (``_extra_files``, ``extra_files``), read without running it.

    Args:
        path: a TorchScript or torch.export file.

    Returns:
        "classes", for example, from "extra/classes.json"; texts.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            extra = [
                each
                for each in archive.infolist()
                if each.filename.split("/")[1:2] == ["extra"] and each.file_size <= _LARGEST_EXTRA
            ]
            return {Path(each.filename).stem: archive.read(each).decode("utf-8", "replace") for each in extra}
    except DAMAGED_ZIP as error:
        raise CheckpointError(f"{path.name} is damaged ({error}).", next_step=DOWNLOAD_AGAIN) from error


def _may_hold_names(path: Path, *, own: bool) -> bool:
    """Whether to read a file: a ``<stem>.json`` may hold anything, a training log for example."""
    if path.suffix != ".json" or not own:
        return True
    try:
        read_class_names(path)
    except ClassNamesError as error:
        return "holds no list" not in error.message
    return True
