"""The sections of a report that come from analyses beyond the matrix: what of them is shown, with pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from analysis.report_drawing import SIDE, DrawnCalibration, drawn_calibration, map_picture
from analysis.report_parts import (
    CandidateLine,
    ClusterLine,
    FindingLine,
    GroupLine,
    ImageLine,
    NoteLine,
    ReportParts,
    SliceLine,
)

T = TypeVar("T")
Pictures = Callable[[Sequence[Path]], Sequence[bytes | None]]

_FINDINGS = 10
_GROUPS = 15
_CANDIDATES = 24
_CLUSTERS, _PICTURES_OF_CLUSTER = 16, 6
_SLICES, _PICTURES_OF_SLICE = 10, 8
_NOTES, _PICTURES_OF_NOTES = 200, 60


@dataclass(frozen=True)
class Pictured:
    """An image with its picture.

    Args:
        image: what there is to say.
        source: the picture as a data URI; "" where there is none.
    """

    image: ImageLine
    source: str


@dataclass(frozen=True)
class PicturedLine(Generic[T]):
    """A line with the pictures of its images.

    Args:
        line: the line.
        pictures: of its first images.
        left_out: how many of its images have no place here.
    """

    line: T
    pictures: tuple[Pictured, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Lines(Generic[T]):
    """The lines of a section.

    Args:
        shown: those on the page.
        left_out: how many there are besides.
    """

    shown: tuple[T, ...]
    left_out: int


class ReportSections:
    """What the page shows of the parts; the template only lays it out.

    Args:
        parts: everything that was found.
        pictures: gives a JPEG for each file, or None where there is none.
    """

    def __init__(self, parts: ReportParts, pictures: Pictures) -> None:
        self._parts = parts
        self._pictures = pictures

    @cached_property
    def findings(self) -> Lines[FindingLine]:
        """At most ten findings."""
        return _first(self._parts.findings, _FINDINGS)

    @cached_property
    def groups(self) -> Lines[GroupLine]:
        """Groups of classes."""
        return _first(self._parts.groups, _GROUPS)

    @cached_property
    def candidates(self) -> Lines[PicturedLine[CandidateLine]]:
        """Images whose label may be wrong."""
        lines = _first(self._parts.candidates, _CANDIDATES)
        pictures = self._pictured([line.image for line in lines.shown])
        shown = (PicturedLine(line, (picture,)) for line, picture in zip(lines.shown, pictures, strict=True))
        return Lines(tuple(shown), lines.left_out)

    @cached_property
    def clusters(self) -> Lines[PicturedLine[ClusterLine]]:
        """Duplicates; those with conflicting labels first."""
        return self._clusters(self._parts.clusters)

    @cached_property
    def leaked(self) -> Lines[PicturedLine[ClusterLine]]:
        """The same pictures in two sets; those with conflicting labels first."""
        return self._clusters(self._parts.leaked)

    def _clusters(self, clusters: Sequence[ClusterLine]) -> Lines[PicturedLine[ClusterLine]]:
        lines = _first(sorted(clusters, key=lambda line: not line.conflict), _CLUSTERS)
        shown = (self._with_pictures(line, line.images, _PICTURES_OF_CLUSTER) for line in lines.shown)
        return Lines(tuple(shown), lines.left_out)

    @cached_property
    def slices(self) -> Lines[PicturedLine[SliceLine]]:
        """Kinds of image that fail."""
        lines = _first(self._parts.slices, _SLICES)
        shown = (self._with_pictures(line, line.images, _PICTURES_OF_SLICE) for line in lines.shown)
        return Lines(tuple(shown), lines.left_out)

    @cached_property
    def notes(self) -> Lines[PicturedLine[NoteLine]]:
        """Notes and decisions; the first of them with pictures."""
        lines = _first(self._parts.notes, _NOTES)
        images = [line.image for line in lines.shown if line.image is not None][:_PICTURES_OF_NOTES]
        pictures = dict(zip(map(id, images), self._pictured(images), strict=True))
        shown = (
            PicturedLine(line, tuple(pictures[key] for key in [id(line.image)] if key in pictures))
            for line in lines.shown
        )
        return Lines(tuple(shown), lines.left_out)

    @cached_property
    def reliability(self) -> DrawnCalibration | None:
        """The reliability diagram; None where there are no confidences."""
        part = self._parts.calibration
        return None if part is None else drawn_calibration(part)

    @cached_property
    def map_source(self) -> str:
        """The map as a data URI; "" where there is none."""
        return "" if self._parts.embedding_map is None else map_picture(self._parts.embedding_map)

    @property
    def side(self) -> int:
        """Units of the sides of the reliability diagram."""
        return SIDE

    @property
    def parts(self) -> ReportParts:
        """What was found, as it was given."""
        return self._parts

    def _with_pictures(self, line: T, images: Sequence[ImageLine], most: int) -> PicturedLine[T]:
        return PicturedLine(line, tuple(self._pictured(images[:most])), max(0, len(images) - most))

    def _pictured(self, images: Sequence[ImageLine]) -> list[Pictured]:
        contents = self._pictures([image.file for image in images])
        return [Pictured(image, data_uri(each)) for image, each in zip(images, contents, strict=True)]


def data_uri(content: bytes | None) -> str:
    """A JPEG as a page can hold it; "" for none."""
    return "" if content is None else f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _first(lines: Sequence[T], most: int) -> Lines[T]:
    return Lines(tuple(lines[:most]), max(0, len(lines) - most))
