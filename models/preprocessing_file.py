"""The preprocessing that a person saved, kept as JSON beside a checkpoint or in the workspace."""

from __future__ import annotations

import json
from pathlib import Path

from models.errors import PreprocessingError
from models.preprocessing import Preprocessing


def read_preprocessing(path: Path | str) -> Preprocessing:
    """The preprocessing saved in a JSON file.

    Raises:
        PreprocessingError: the file cannot be read, is no JSON, or holds values that make no sense.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PreprocessingError(
            f"{path} cannot be read as JSON ({error}).", next_step="Save the preprocessing again."
        ) from error
    return Preprocessing.from_json(value)
