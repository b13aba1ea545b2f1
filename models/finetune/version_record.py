"""What is kept of each network that a training or a compression made, as plain data. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from models.errors import VersionError
from models.evaluation_spec import EvaluationSpec
from models.finetune.spec import FinetuneSpec

WEIGHTS, ONNX_WEIGHTS, RECORD = "weights.pth", "network.onnx", "version.json"
COMPRESSION = "compression"
"""Key of ``Version.data``: how the version was made smaller, and at what price; not there for trained ones."""


@dataclass(frozen=True)
class Version:
    """A network that a training made, or a compression.

    Args:
        id: its folder in ``versions/``.
        name: what a person calls it; not unique.
        created: seconds since 1970.
        folder: where its files lie; ``weights.pth``, or ``network.onnx``, is a checkpoint that Errorscope opens as any
            other.
        architecture: torchvision's name, "small_cnn", or "onnx" for int8.
        class_names: C names, in the order of the logits.
        spec: ``FinetuneSpec.to_json()``: recipe, augmentation, images, target, seed. Of a compression its start, baseline
            and images alone mean something.
        job: id of the job that made it, or "".
        parent: id of the version it started from, or "": then it started from ``spec["start"]["checkpoint"]``.
        control_of: id of the version that it is the control of, or "".
        metrics: plain data: ``train``, ``select`` (the images that chose the best epoch), ``report`` (the held-out
            half, never used to choose), each with ``n``, ``accuracy``, ``loss``; ``test`` where there is a test
            split; ``best_epoch``, ``epochs``, ``stopped`` ("finished", "early", "by hand"), ``seconds``.
        history: one row for each epoch: ``phase``, ``epoch``, ``train_loss``, ``train_accuracy``,
            ``validation_loss``, ``validation_accuracy``, ``learning_rate``, ``images_per_second``, ``seconds``.
        data: what ``Roles.to_json`` says of the images: ``train``, ``select``, ``report``, ``test``, ``excluded`` ...;
            ``targeting``: what was raised; ``baseline``: fingerprint of the evaluation whose images were halved;
            ``compression``: what `models.compress.job` found.
        libraries: name to version (torch, torchvision, python, errorscope).
        evaluation: fingerprint of its saved evaluation on the validation images, or "".
        note: a person's words.
    """

    id: str
    name: str
    created: float
    folder: Path
    architecture: str
    class_names: tuple[str, ...]
    spec: dict[str, Any]
    job: str = ""
    parent: str = ""
    control_of: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    evaluation: str = ""
    note: str = ""

    @property
    def checkpoint(self) -> Path:
        """The file of its weights, with class names and preprocessing inside."""
        return self.folder / (ONNX_WEIGHTS if self.architecture == "onnx" else WEIGHTS)

    @property
    def compression(self) -> dict[str, Any]:
        """How it was made smaller: ``method``, ``amount``, sizes, times, who paid; {} for one that was trained."""
        found = self.data.get(COMPRESSION)
        return found if isinstance(found, dict) else {}

    @property
    def learned_from_half(self) -> bool:
        """Whether the choosing half of its validation images had a part in it, as there were no training images."""
        if self.compression and not self.compression.get("on_half"):
            return False
        return self.finetune_spec.training.path is None

    @property
    def finetune_spec(self) -> FinetuneSpec:
        """What it was trained with."""
        return FinetuneSpec.from_json(self.spec)

    def evaluation_spec(self, on: EvaluationSpec | None = None) -> EvaluationSpec:
        """What to evaluate to see it on some images.

        Args:
            on: another evaluation of these images; None for those that it was trained with.
        """
        same = on or self.finetune_spec.start
        return EvaluationSpec(
            checkpoint=str(self.checkpoint),
            images=same.images,
            groups=same.groups,
            split=same.split,
            limit=same.limit,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back; the folder is where it is found."""
        plain = {**asdict(self), "class_names": list(self.class_names), "history": list(self.history)}
        del plain["folder"]
        return plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any], folder: Path) -> Version:
        """The version that ``to_json`` wrote.

        Args:
            value: the content of ``version.json``.
            folder: where that lies.

        Raises:
            VersionError: a key is missing or unknown.
        """
        known = {field.name for field in fields(cls)} - {"folder"}
        wrong = sorted(set(value) ^ known)
        if wrong:
            raise VersionError(
                f'The record of the version in {folder} has no, or should have, "{wrong[0]}".',
                next_step="Remove the folder, or restore the file.",
            )
        return cls(
            **{
                **value,
                "folder": folder,
                "class_names": tuple(value["class_names"]),
                "history": tuple(value["history"]),
            }
        )
