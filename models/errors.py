"""Every error that Errorscope explains to a person.

    ErrorscopeError
    ├── CheckpointError            the file of weights cannot be used
    │   ├── CheckpointNeedsCode    it can only be opened by running code from the file
    │   ├── CheckpointNotTrusted   it is a program (TorchScript, torch.export); trust was not given
    │   ├── ArchitectureUnknown    no torchvision classifier has these weights
    │   ├── ArchitectureAmbiguous  several have; the person must choose (``candidates``)
    │   └── WeightsMismatch        the chosen one has not: missing, extra, misshaped keys
    ├── ClassNamesError            the class names are missing, repeated or unreadable
    │   └── ClassNamesMismatch     they disagree with the network or the images; holds both lists
    ├── PreprocessingError         resize, crop, mean, std or interpolation make no sense
    ├── ImagesError                the folder or table of images cannot be used
    │   └── TableError             a column or a row of the table is wrong
    ├── GroupsError                the file of groups (superclasses) cannot be used
    ├── PredictionsError           predictions cannot be made, opened or read
    ├── AttributionError           this method cannot explain this network or image
    ├── RecipeError                a setting of a recipe or an augmentation makes no sense
    ├── TrainingError              a network cannot be trained on these images, or not any further
    ├── CompressionError           a network cannot be made smaller in this way
    ├── VersionError               a version cannot be saved, found, renamed or removed
    ├── ComparisonError            two results cannot be compared
    ├── MeasuringError             a network's time or memory cannot be measured here
    ├── BackboneError              the ImageNet weights of a backbone cannot be had
    ├── JobError                   a job cannot be started, found or stopped
    └── WorkspaceError             the workspace folder cannot be read or written

Each has a ``title`` of a few words, a ``message`` (one sentence: what is wrong and where) and a
``next_step`` (one sentence: what to do). Boundaries translate the errors of torch, Pillow and the
operating system into these with ``raise ... from``. Everything else is a bug and keeps its traceback.

``Cancelled`` is no error: it says that a person stopped the work.
"""

from __future__ import annotations

from collections.abc import Sequence


class ErrorscopeError(Exception):
    """Something a person can understand and mend.

    Args:
        message: one sentence: what is wrong, and where.
        next_step: one sentence: what to do next.
        title: a few words over the message; each class has its own.
    """

    title = "Errorscope cannot go on"

    def __init__(self, message: str, *, next_step: str = "", title: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        if title is not None:
            self.title = title

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()


class CheckpointError(ErrorscopeError):
    """The file of weights cannot be used."""

    title = "This checkpoint cannot be opened"


class CheckpointNeedsCode(CheckpointError):
    """The file can only be opened by running code that it brings along."""

    title = "This checkpoint would run code"


class CheckpointNotTrusted(CheckpointError):
    """The file is a program, and the person has not said that they trust it."""

    title = "This file is a program"


class ArchitectureUnknown(CheckpointError):
    """No torchvision classifier has these weights."""

    title = "The architecture was not recognised"


class ArchitectureAmbiguous(CheckpointError):
    """Several torchvision classifiers have exactly these weights.

    Args:
        candidates: their names, for the person to choose from.
    """

    title = "Several architectures fit"

    def __init__(self, message: str, *, candidates: Sequence[str], next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.candidates = tuple(candidates)


class WeightsMismatch(CheckpointError):
    """The weights do not fit the architecture exactly.

    Args:
        missing: keys the architecture needs and the file lacks.
        extra: keys the file has and the architecture does not know.
        misshaped: ``key: shape in the file, shape in the architecture`` for keys of another shape.
    """

    title = "The weights do not fit"

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str] = (),
        extra: Sequence[str] = (),
        misshaped: Sequence[str] = (),
        next_step: str = "",
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.missing = tuple(missing)
        self.extra = tuple(extra)
        self.misshaped = tuple(misshaped)


class ClassNamesError(ErrorscopeError):
    """The class names are missing, repeated or unreadable."""

    title = "The class names cannot be used"


class ClassNamesMismatch(ClassNamesError):
    """Two lists of class names that should be one.

    Args:
        expected: the names of the network (or of the file of names).
        found: the names of the other side.
    """

    title = "The class names do not match"

    def __init__(
        self, message: str, *, expected: Sequence[str], found: Sequence[str], next_step: str = ""
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.expected = tuple(expected)
        self.found = tuple(found)


class PreprocessingError(ErrorscopeError):
    """Resize, crop, mean, std or interpolation make no sense."""

    title = "The preprocessing cannot be used"


class ImagesError(ErrorscopeError):
    """The folder or table of images cannot be used."""

    title = "These images cannot be opened"


class TableError(ImagesError):
    """A column or a row of the table is wrong."""

    title = "This table cannot be used"


class GroupsError(ErrorscopeError):
    """The file of groups (superclasses) cannot be used."""

    title = "The groups cannot be used"


class PredictionsError(ErrorscopeError):
    """Predictions cannot be made, opened or read."""

    title = "The predictions cannot be used"


class AttributionError(ErrorscopeError):
    """This method cannot explain this network or image."""

    title = "This cannot be explained with this method"


class RecipeError(ErrorscopeError):
    """A setting of a recipe or of an augmentation makes no sense."""

    title = "This recipe cannot be used"


class TrainingError(ErrorscopeError):
    """A network cannot be trained on these images, or not any further."""

    title = "The training cannot go on"


class CompressionError(ErrorscopeError):
    """A network cannot be made smaller in this way."""

    title = "The network cannot be compressed like this"


class VersionError(ErrorscopeError):
    """A version cannot be saved, found, renamed or removed."""

    title = "This version cannot be used"


class ComparisonError(ErrorscopeError):
    """Two results cannot be compared: they share no images, or not the same labels."""

    title = "These cannot be compared"


class MeasuringError(ErrorscopeError):
    """A network's time or memory cannot be measured here."""

    title = "This cannot be measured"


class BackboneError(ErrorscopeError):
    """The ImageNet weights of a backbone cannot be had."""

    title = "These weights cannot be downloaded"


class JobError(ErrorscopeError):
    """A job cannot be started, found or stopped."""

    title = "The job cannot go on"


class WorkspaceError(ErrorscopeError):
    """The workspace folder cannot be read or written."""

    title = "The workspace cannot be used"


class Cancelled(Exception):
    """A person stopped the work; what was done so far is kept."""
