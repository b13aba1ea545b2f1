"""``report.html``: an evaluation as one page that needs nothing else.

Pictures, colours and words are all in the one file, so it can be mailed and kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.axis import matrix_view
from analysis.confusable import ConfusablePair, ConfusedCell, confusable_pairs, worst_cells
from analysis.confusion import Counts, cell_images, confusion_counts
from analysis.matrix_drawing import LARGEST_DRAWN, DrawnMatrix, drawn_matrix
from analysis.metrics import Accuracy, accuracy, per_class, top_k_accuracy
from analysis.number_words import fine_percent
from analysis.rare_errors import RareError, rare_errors
from analysis.report_facts import limits
from analysis.report_parts import REPORT_SECTIONS, ReportParts
from analysis.report_sections import Pictures, ReportSections, data_uri

if TYPE_CHECKING:
    from models.predictions import Predictions

_WORST_CELLS = 10
_PICTURES_OF_CELL = 8
_RARE_ERRORS = 12
_MOST_RARE_ERRORS = 24
_PAIRS = 15
_BEYOND_CHANCE = 0.05


@dataclass(frozen=True)
class Picture:
    """One image on the page.

    Args:
        path: its path, as in the predictions.
        confidence: the probability of its prediction; nan without probabilities.
        source: its picture as a data URI; "" where there is none.
    """

    path: str
    confidence: float
    source: str


@dataclass(frozen=True)
class WorstCell:
    """One of the cells with the most errors.

    Args:
        cell: the cell.
        back: images of the predicted class that were called by the label's name.
        back_support: images of the predicted class.
        pictures: its most confident errors.
    """

    cell: ConfusedCell
    back: int
    back_support: int
    pictures: tuple[Picture, ...]


class Report:
    """All that the page says; the template only lays it out.

    Args:
        predictions: what the network said.
        facts: how it was made: a word or two, and what there is to say.
        pictures: gives a JPEG for each path, or None where there is none.
        parts: what other analyses found.
        sections: keys of ``REPORT_SECTIONS`` to show.
    """

    def __init__(
        self,
        predictions: Predictions,
        facts: Mapping[str, str],
        pictures: Pictures,
        parts: ReportParts,
        sections: Collection[str],
    ) -> None:
        self._predictions = predictions
        self._pictures = pictures
        self.facts = {**facts, **limits(predictions)}
        self.n_missing = predictions.n_missing_files
        self.names = predictions.class_names
        self.groups = predictions.groups
        self.unreadable = predictions.unreadable
        self.sure = predictions.probabilities is not None
        self.more = ReportSections(parts, pictures)
        self._sections = frozenset(sections)

    def has(self, section: str) -> bool:
        """Whether a section, a key of ``REPORT_SECTIONS``, was asked for."""
        return section in self._sections

    @cached_property
    def counts(self) -> Counts:
        """(C, C), row = label, column = prediction."""
        return confusion_counts(self._predictions.labels, self._predictions.predicted, len(self.names))

    @cached_property
    def accuracy(self) -> Accuracy:
        """The share of right images."""
        return accuracy(self._predictions.labels, self._predictions.predicted)

    @cached_property
    def top_5(self) -> Accuracy | None:
        """The share with the label among the five most probable; None where that says nothing."""
        probabilities = self._predictions.probabilities
        if probabilities is None or len(self.names) <= 5:
            return None
        return top_k_accuracy(probabilities, self._predictions.labels, 5)

    @cached_property
    def matrix(self) -> DrawnMatrix | None:
        """The matrix with confused classes side by side; None where it would be too large to read."""
        if len(self.names) > LARGEST_DRAWN:
            return None
        return drawn_matrix(matrix_view(self.counts, self.names, self.groups, order="confusion"))

    @cached_property
    def worst(self) -> list[WorstCell]:
        """The cells with the most errors, with pictures."""
        return [self._worst(cell) for cell in worst_cells(self.counts, self.names, self.groups, _WORST_CELLS)]

    def _worst(self, cell: ConfusedCell) -> WorstCell:
        back = int(self.counts[cell.predicted_index, cell.label_index])
        images = cell_images(
            self._predictions.labels,
            self._predictions.predicted,
            [cell.label_index],
            [cell.predicted_index],
        )
        confidence = self._predictions.images["confidence"].to_numpy()[images]
        first = images[np.argsort(-confidence, kind="stable")[:_PICTURES_OF_CELL]]
        support = int(self.counts[cell.predicted_index].sum())
        return WorstCell(cell, back, support, tuple(self._pictured(first.tolist())))

    @cached_property
    def rare(self) -> list[tuple[RareError, Picture]]:
        """The errors that nothing leads one to expect, with pictures; those across groups first."""
        errors = rare_errors(self._predictions)
        across = sum(error.crosses_group for error in errors)
        shown = errors[: min(_MOST_RARE_ERRORS, max(_RARE_ERRORS, across))]
        return list(zip(shown, self._pictured([error.index for error in shown]), strict=True))

    @cached_property
    def across_groups(self) -> int:
        """How many errors cross a group."""
        return sum(error.crosses_group for error in rare_errors(self._predictions))

    def _pictured(self, indices: Sequence[int]) -> list[Picture]:
        table = self._predictions.images.iloc[list(indices)]
        paths = [str(path) for path in table["path"]]
        contents = self._pictures([self._predictions.absolute(path) for path in paths])
        return [
            Picture(path, float(confidence), data_uri(content))
            for path, confidence, content in zip(paths, table["confidence"], contents, strict=True)
        ]

    @cached_property
    def pairs(self) -> list[ConfusablePair]:
        """The pairs of classes taken for each other most."""
        return confusable_pairs(self.counts, self.names, min_errors=2)[:_PAIRS]

    def beyond_chance(self, pair: ConfusablePair) -> bool:
        """Whether chance alone seldom gives such a pair, among all pairs looked at."""
        return pair.q_value <= _BEYOND_CHANCE

    @cached_property
    def classes(self) -> list[dict[str, Any]]:
        """The figures of each class, lowest recall first, with what it is called most when wrong."""
        table = per_class(self.counts, self.names)
        errors = self.counts.copy()
        np.fill_diagonal(errors, 0)
        table["mistaken_for"] = [
            f"{self.names[row.argmax()]} ({row.max()})" if row.any() else "" for row in errors
        ]
        rows = table.sort_values("recall", kind="stable")
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def report_html(
    predictions: Predictions,
    *,
    facts: Mapping[str, str],
    pictures: Pictures,
    parts: ReportParts | None = None,
    sections: Collection[str] = tuple(REPORT_SECTIONS),
) -> str:
    """An evaluation as one self-contained page.

    Args:
        predictions: what the network said.
        facts: how it was made, such as {"Checkpoint": "pets.pth"}.
        pictures: gives a JPEG for each path, or None where there is none;
            ``models.thumbnails.thumbnails`` with a workspace does.
        parts: what other analyses found; what is empty has no section.
        sections: keys of ``REPORT_SECTIONS`` to show. The figures, the unreadable images and how the report
            was made are always on it.

    Returns:
        The HTML, of some hundred pictures at most. Whatever names it holds, it never runs or loads anything.
    """
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": fine_percent, "breakable": breakable}
    style = (folder / "report.css").read_text(encoding="utf-8")
    template = environment.get_template("report.html.jinja")
    report = Report(predictions, facts, pictures, parts or ReportParts(), sections)
    return template.render(report=report, style=style)


def breakable(text: str) -> Markup:
    """The text, escaped, that may break into lines after an underscore or a slash.

    >>> breakable("Maine_Coon/<b>.jpg")
    Markup('Maine_<wbr>Coon/<wbr>&lt;b&gt;.jpg')
    """
    return Markup(re.sub(r"([_/])", r"\1<wbr>", str(escape(text))))
