"""Predictions that another program made, read from a table.

The table is CSV, TSV or Parquet: ``path``, ``label``, and ``predicted`` or one probability column per
class (named like the class, or ``probability_<class>``, ``prob_<class>``, ``p_<class>``); ``group``,
``split`` and any other columns are kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import ClassNamesMismatch, ImagesError, TableError
from models.fingerprints import file_state
from models.image_groups import groups_from_file, image_groups
from models.image_listing import shown
from models.images import image_id
from models.prediction_record import SCORE_COLUMNS, Predictions
from models.prediction_scores import log_of_probabilities, scores
from models.prediction_selection import selected
from models.probability_columns import TEXT_COLUMNS, probabilities_of, probability_columns_of
from models.table_columns import column_texts, extra_columns, label_texts, sorted_labels
from models.table_file import read_table

OWN_COLUMNS = (*TEXT_COLUMNS, *SCORE_COLUMNS)


def predictions_from_table(
    path: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    groups: Mapping[str, str] | Path | None = None,
    root: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
) -> Predictions:
    """Read predictions that were made elsewhere.

    Args:
        path: CSV, TSV or Parquet. Paths in its column ``path`` are absolute, or relative to ``root``; files
            may be missing (then there are no pictures).
        class_names: C names in their order; None takes the probability columns in the order of the
            table, or else all labels and predictions, sorted.
        groups: class name -> group, or a file of it; None takes the column ``group`` where there is
            one.
        root: the folder that the paths are relative to; None takes the folder of the table.
        split: only this split; the class names stay those of the whole table. None takes all.
        limit: at most this many images, evenly over the table; None takes all.

    Returns:
        Predictions without logits and embeddings, and without probabilities where the table only
        says ``predicted``. Probabilities are divided by their sum. The fingerprint changes with the
        bytes of the table, with every choice here, and with the size or time of any picture.

    Raises:
        TableError: the table cannot be read, or a row or column of it is wrong.
        ImagesError: ``root`` is no folder.
        GroupsError: the groups do not fit the classes.
        ClassNamesMismatch: a label or prediction is none of ``class_names``.
        PredictionsError: there is no such split.
    """
    path = Path(path).expanduser().absolute()
    folder = path.parent if root is None else _existing_folder(Path(root).expanduser().absolute())
    table = _table(path)
    paths = [_relative(each, folder) for each in table["path"]]
    _check_repeats(paths, path.name)
    probability_columns = probability_columns_of(table, class_names)
    names = _class_names(table, class_names, probability_columns)
    labels = _indices(table, "label", names)
    probabilities = (
        probabilities_of(table, list(probability_columns.values())) if probability_columns else None
    )
    columns = _scores(table, names, labels, probabilities)
    images = _images(table, set(probability_columns.values()), paths).join(columns)
    whole = Predictions(
        fingerprint="",
        class_names=names,
        groups=_groups(table, names, groups),
        images=images,
        root=folder,
        logits=None,
        probabilities=None if probabilities is None else probabilities.astype(np.float32),
        embeddings=None,
    )
    chosen = selected(whole, split=split, limit=limit)
    states = image_states(chosen)
    missing = int((states[:, 0] < 0).sum())
    return replace(chosen, fingerprint=_fingerprint(path, chosen, states), n_missing_files=missing)


def image_states(predictions: Predictions) -> npt.NDArray[np.int64]:
    """(N, 2) size in bytes and time of change in nanoseconds of each picture; -1, -1 where it is missing."""
    states = [file_state(os.path.join(predictions.root, path)) for path in predictions.images["path"]]  # noqa: PTH118
    return np.array(states, np.int64).reshape(-1, 2)


def _existing_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise ImagesError(
            f"{shown(str(folder))} is no folder.",
            next_step="Name the folder that the paths in the table are relative to.",
        )
    return folder


def _table(path: Path) -> pd.DataFrame:
    """The table, its text columns as text without blanks around, numbers in text recognised as such."""
    table = read_table(path, ("path", "label"), optional=("predicted", "group", "split"))
    # a Parquet file keeps the index of a table that was shuffled or filtered, and columns would be joined by it
    table = table.reset_index(drop=True)
    for name in table.columns:
        if isinstance(table[name].dtype, pd.CategoricalDtype):
            table[name] = table[name].astype(table[name].cat.categories.dtype)
        if name in TEXT_COLUMNS:
            texts = column_texts(table, name, path)
            table[name] = pd.Series(
                label_texts(texts) if name in ("label", "predicted") else texts, dtype="str"
            )
        elif pd.api.types.is_string_dtype(table[name]):
            table[name] = _numbers_or_text(table[name])
    _check_rows(table, path)
    return table


def _numbers_or_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers with nothing for empty cells, or the column as it is where it holds other text."""
    numbers = pd.to_numeric(column, errors="coerce")
    is_text = numbers.isna() & ~column.fillna("").str.strip().str.lower().isin(["", "nan"])
    return column if is_text.any() or numbers.isna().all() else numbers


def _check_rows(table: pd.DataFrame, path: Path) -> None:
    for name in ("path", "label", "predicted"):
        if name in table and (table[name] == "").any():
            row = int(np.flatnonzero(table[name] == "")[0])
            raise TableError(
                f"{path.name} has no {name} in row {row + 1}.", next_step=f"Fill in the {name} of every row."
            )


def _check_repeats(paths: Sequence[str], name: str) -> None:
    """Raise where an image stands in the table twice, however its path is written."""
    column = pd.Series(paths)
    repeated = column[column.duplicated()]
    if not repeated.empty:
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(column == repeated.iloc[0])[:5])
        raise TableError(
            f"{name} names the image {repeated.iloc[0]} more than once (rows {rows}).",
            next_step="Keep one row per image.",
        )


def _class_names(
    table: pd.DataFrame, class_names: Sequence[str] | None, probability_columns: dict[str, str]
) -> tuple[str, ...]:
    if class_names is not None:
        return tuple(class_names)
    return tuple(probability_columns) or sorted_labels([*table["label"], *table["predicted"]])


def _indices(table: pd.DataFrame, column: str, names: tuple[str, ...]) -> npt.NDArray[np.int32]:
    position = {name: index for index, name in enumerate(names)}
    indices = table[column].map(position)
    if indices.isna().any():
        row = int(np.flatnonzero(indices.isna())[0])
        unknown = table[column].iloc[row]
        raise ClassNamesMismatch(
            f'Row {row + 1} has the {column} "{unknown}", which is none of the {len(names)} classes.',
            expected=names,
            found=sorted(set(table[column])),
            next_step="Correct the row, or give the list of class names that the table uses.",
        )
    return indices.to_numpy().astype(np.int32)


def _scores(
    table: pd.DataFrame,
    names: tuple[str, ...],
    labels: npt.NDArray[np.int32],
    probabilities: npt.NDArray[np.float64] | None,
) -> pd.DataFrame:
    predicted = _indices(table, "predicted", names) if "predicted" in table else None
    if probabilities is None:
        assert predicted is not None  # probability_columns_of has made sure of it
        nothing = np.full(len(table), np.nan, np.float32)
        ranks = np.where(predicted == labels, 0, len(names)).astype(np.int32)
        columns = (labels, predicted, nothing, nothing, nothing, ranks)
        return pd.DataFrame(dict(zip(SCORE_COLUMNS, columns, strict=True)))
    found = scores(log_of_probabilities(probabilities), labels)
    return found if predicted is None else _agreeing(found, predicted, names, probabilities)


def _agreeing(
    found: pd.DataFrame,
    predicted: npt.NDArray[np.int32],
    names: tuple[str, ...],
    probabilities: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """The scores with the table's own choice among classes of equal probability."""
    rows = np.arange(len(found))
    best = found["predicted_index"].to_numpy()
    apart = np.flatnonzero(probabilities[rows, best] - probabilities[rows, predicted] > 1e-6)
    if apart.size:
        row = apart[0]
        raise TableError(
            f'Row {row + 1} says predicted "{names[predicted[row]]}", but its highest probability is that of '
            f'"{names[best[row]]}".',
            next_step="Correct the row, or leave the column predicted out.",
        )
    right = predicted == found["label_index"].to_numpy()
    ranks = np.where(right, 0, np.maximum(found["label_rank"].to_numpy(), 1))
    return found.assign(predicted_index=predicted, label_rank=ranks.astype(np.int32))


def _images(table: pd.DataFrame, probability_columns: set[str], paths: Sequence[str]) -> pd.DataFrame:
    own = {*OWN_COLUMNS, *probability_columns}
    blank = pd.Series("", index=table.index, dtype="str")
    head = pd.DataFrame(
        {
            "id": [image_id(path) for path in paths],
            "path": paths,
            "label": table["label"],
            "group": table.get("group", blank),
            "split": table.get("split", blank),
        }
    )
    return head.join(extra_columns(table[[name for name in table.columns if name not in own]]))


def _relative(path: str, root: Path) -> str:
    """The path as tables of images have it: relative to ``root`` where it lies within, POSIX."""
    given = Path(path)
    return (given.relative_to(root) if given.is_relative_to(root) else given).as_posix()


def _groups(
    table: pd.DataFrame, names: tuple[str, ...], groups: Mapping[str, str] | Path | None
) -> dict[str, str]:
    if groups is None:
        return image_groups(table, names)
    return groups_from_file(groups, names) if isinstance(groups, Path) else dict(groups)


def _fingerprint(path: Path, chosen: Predictions, states: npt.NDArray[np.int64]) -> str:
    """32 hex digits over the table, what was chosen of it, and the pictures as they are now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    said = (chosen.class_names, sorted(chosen.groups.items()), str(chosen.root), len(chosen))
    digest.update(repr(said).encode("utf-8", "backslashreplace"))
    digest.update("".join(chosen.images["id"]).encode())
    digest.update(np.ascontiguousarray(states).tobytes())
    return digest.hexdigest()[:32]
