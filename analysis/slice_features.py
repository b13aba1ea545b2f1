"""What is known of each image besides its pixels and its prediction: quality, class, group, the user's columns."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.image_facts import QUALITY
from models.prediction_record import SCORE_COLUMNS

if TYPE_CHECKING:
    from models.prediction_record import Predictions

Kind = Literal["quality", "class", "column"]
MOST_VALUES = 60
"""A column of words with more values than this is free text or a name."""
FEW_NUMBERS = 6
"""Whole numbers with no more values than this are kinds, not amounts."""
_STANDARD = frozenset(("id", "path", "label", "group", "split", *SCORE_COLUMNS))


@dataclass(frozen=True, eq=False)
class Feature:
    """One property of N images.

    Args:
        name: as in the table of images, or of the facts.
        kind: "quality" was measured of the pictures, "class" follows from the label, "column" is the user's.
        values: (N,) amounts as float, NaN where missing; None for kinds.
        codes: (N,) the place of each image's kind in ``levels``, -1 where missing; None for amounts.
        levels: the kinds.
        is_date: the amounts are seconds since 1970.
    """

    name: str
    kind: Kind
    values: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.int64] | None = None
    levels: tuple[str, ...] = ()
    is_date: bool = False

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """(N,) where it is not known."""
        if self.values is not None:
            return np.isnan(self.values)
        assert self.codes is not None
        return self.codes < 0


@dataclass(frozen=True)
class Features:
    """All features, and why others are none.

    Args:
        used: those that tell images apart.
        skipped: a sentence for each column of the user's that is left out, and for pictures without facts.
    """

    used: tuple[Feature, ...]
    skipped: tuple[str, ...] = ()


def slice_features(predictions: Predictions, facts: pd.DataFrame) -> Features:
    """The features of the images of an evaluation.

    Args:
        predictions: N images; extra columns of their table take part.
        facts: N rows, see ``models.image_facts``; all NaN where the files are not there.

    Returns:
        Quality first, then class, group and split, then the user's columns in their order.
    """
    images = predictions.images
    quality = [_amount(name, "quality", facts[name].to_numpy(np.float64)) for name in QUALITY]
    used = [*quality, _kinds("label", "class", images["label"])]
    # groups of classes differ as their classes do, so they only ever matter together with something else
    used += [_kinds("group", "class", images["group"]), _kinds("split", "column", images["split"])]
    skipped = []
    if len(images) and all(feature.missing.all() for feature in quality):
        skipped.append("The image files are not there, so brightness, sharpness and the like are not known.")
    for name in images.columns:
        if name not in _STANDARD:
            # what was measured goes by the same names
            found = _column(f"{name} (table)" if name in QUALITY else str(name), images[name])
            if isinstance(found, Feature):
                used.append(found)
            else:
                skipped.append(found)
    return Features(tuple(each for each in used if _tells_apart(each)), tuple(skipped))


def _column(name: str, column: pd.Series[Any]) -> Feature | str:
    """A column of the user's as a feature, or why it is none."""
    if column.isna().all():
        return f"The column {name} is empty."
    if column.nunique() == 1 and not column.isna().any():
        return f"The column {name} has the same value everywhere."
    if pd.api.types.is_bool_dtype(column):
        return _kinds(name, "column", column)
    if pd.api.types.is_datetime64_any_dtype(column):
        return _dates(name, column)
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(name, column)
    return _words(name, column)


def _numbers(name: str, column: pd.Series[Any]) -> Feature | str:
    values: npt.NDArray[Any] = column.astype("float64").to_numpy(na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    known = values[~np.isnan(values)]
    if len(np.unique(known)) <= FEW_NUMBERS and (known == np.round(known)).all():
        return _kinds(
            name, "column", pd.Series([_plain_number(value) for value in values.tolist()], dtype=object)
        )
    steps = np.diff(known)
    if pd.api.types.is_integer_dtype(column) and len(steps) and (steps == 1).all():
        return f"The column {name} counts the rows."
    return _amount(name, "column", values)


def _plain_number(value: float) -> str | None:
    return None if isnan(value) else f"{value:.0f}"


def _dates(name: str, column: pd.Series[Any]) -> Feature:
    stamps = pd.to_datetime(column, utc=True)
    seconds = (stamps - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(1, "s")
    values: npt.NDArray[Any] = seconds.to_numpy(np.float64, na_value=np.nan)
    return Feature(name, "column", values=values, is_date=True)


def _words(name: str, column: pd.Series[Any]) -> Feature | str:
    words = column.map(str, na_action="ignore").str.strip()
    words = words.where(words != "", None)
    known = words.dropna()
    numbers = pd.to_numeric(known, errors="coerce")
    if len(known) and numbers.notna().all():
        return _numbers(name, pd.to_numeric(words))
    n_values = known.nunique()
    if n_values > FEW_NUMBERS and known.str.match(r"^\d{4}-\d{2}-\d{2}").all():
        dates = pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601")
        if dates.notna().sum() == len(known):
            return _dates(name, dates)
    if n_values > MOST_VALUES or n_values > max(2, len(known) / 5):
        return f"The column {name} has {n_values:,} different values, like a name or a remark."
    return _kinds(name, "column", words)


def _amount(name: str, kind: Kind, values: npt.NDArray[np.float64]) -> Feature:
    return Feature(name, kind, values=np.where(np.isfinite(values), values, np.nan).astype(np.float64))


def _kinds(name: str, kind: Kind, column: pd.Series[Any]) -> Feature:
    words = column.map(str, na_action="ignore").replace("", None)
    codes, levels = pd.factorize(words, sort=True)
    return Feature(name, kind, codes=codes.astype(np.int64), levels=tuple(map(str, levels)))


def _tells_apart(feature: Feature) -> bool:
    values = feature.values if feature.values is not None else feature.codes
    assert values is not None
    known = values[~feature.missing]
    n_kinds = len(np.unique(known)) + bool(feature.missing.any())
    return len(known) > 0 and n_kinds > 1
