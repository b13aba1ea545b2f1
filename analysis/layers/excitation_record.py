"""Pictures that excite a channel or a class, as they lie in the workspace. Reading them needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from models.errors import JobError
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import name_of
from models.store import Store, write_json

REVISION = 1
"""Raise it when pictures are made in another way; they are then made again."""
STEPS = 256
MOST_STEPS = 2048


@dataclass(frozen=True)
class Excited:
    """What is to be excited.

    Args:
        layer: name of a layer; "" for the logits.
        channel: of that layer, or the class index.
    """

    layer: str
    channel: int

    @property
    def kind(self) -> Literal["class", "channel"]:
        """Whether it is a class's logit or a layer's channel."""
        return "channel" if self.layer else "class"


@dataclass(frozen=True)
class ExcitationSpec:
    """One picture to make, as plain data.

    Args:
        evaluation: the files and choices that the network was opened with.
        predictions: fingerprint of its saved evaluation.
        network: ``Network.fingerprint``; pictures belong to the network, not to the images.
        excited: the channel or the class.
        seed: of the noise, 0 or more.
        steps: of the climb.
    """

    evaluation: EvaluationSpec
    predictions: str
    network: str
    excited: Excited
    seed: int = 0
    steps: int = STEPS

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {
            "evaluation": self.evaluation.to_json(),
            "predictions": self.predictions,
            "network": self.network,
            "layer": self.excited.layer,
            "channel": self.excited.channel,
            "seed": self.seed,
            "steps": self.steps,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ExcitationSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing, or a number makes no sense.
        """
        try:
            spec = cls(
                EvaluationSpec.from_json(value["evaluation"]), value["predictions"], value["network"],
                Excited(value["layer"], int(value["channel"])), int(value["seed"]), int(value["steps"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"The spec of an excitation is incomplete ({error}).") from error
        if not 1 <= spec.steps <= MOST_STEPS or not 0 <= spec.seed < 2**31:
            raise JobError(
                f"A picture takes 1 to {MOST_STEPS:,} steps and a seed from 0 on, not {spec.steps} and {spec.seed}."
            )
        return spec

    def file(self, store: Store, kind: str = "json") -> Path:
        """Where its record lies; beside it the picture ("png"), and while it is made "pt"."""
        name = f"{self.excited.channel}-{self.seed}-{self.steps}"
        return excitations_folder(store, self.network, self.excited) / f"{name}.{kind}"


@dataclass(frozen=True)
class ExcitationRecord:
    """A finished picture.

    Args:
        seed: of the noise.
        steps: of the climb.
        values: what the channel's mean over the middle, or the logit, was at each step, on the picture as it was moved.
        highest: the largest value of the channel anywhere in the picture as it is shown, or the class's logit.
        predicted: the class that the network sees in it.
        confidence: the probability of that class, 0..1.
    """

    seed: int
    steps: int
    values: tuple[float, ...]
    highest: float
    predicted: int
    confidence: float


def excitations_folder(store: Store, network: str, excited: Excited) -> Path:
    """Where the pictures of a layer lie, or of the classes."""
    return store.root / "layers" / name_of("excitation", REVISION, network) / name_of(excited.layer)[:16]


def saved_excitations(store: Store, network: str, excited: Excited) -> list[tuple[ExcitationRecord, Path]]:
    """The finished pictures of a channel or a class with the files of their pictures, by seed.

    Args:
        store: the workspace.
        network: its fingerprint.
        excited: the channel or the class.
    """
    found = []
    for file in excitations_folder(store, network, excited).glob(f"{excited.channel}-*-*.json"):
        picture = file.with_suffix(".png")
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            record = ExcitationRecord(**{**value, "values": tuple(value["values"])})
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if picture.is_file():
            found.append((record, picture))
    return sorted(found, key=lambda each: (each[0].seed, each[0].steps))


def save_excitation(file: Path, record: ExcitationRecord) -> None:
    """Keep the record of a picture that lies beside it already.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    write_json(file, asdict(record))


def next_seed(records: Sequence[ExcitationRecord]) -> int:
    """A seed that none of these pictures has.

    >>> next_seed([])
    0
    """
    return max((each.seed for each in records), default=-1) + 1
