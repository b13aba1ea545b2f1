"""How to make a network smaller, as plain data: the ways, and the specs of the two jobs. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from models.errors import JobError
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec, TrainingImages

Method = Literal["channels", "magnitude", "half", "int8"]
SWEPT = ("channels", "magnitude")
"""Methods of which there can be more and less."""
LARGEST_SHARE = 0.95
MOST_SWEPT = 2000
"""Images that a sweep looks at, the most; a saved version is evaluated on all of them."""
N_CALIBRATED = 128
"""Training images that tell the ranges of int8."""
N_MATCHED = 64
"""Training images that tell the mean and spread of each channel: 256 are no better (within 2 points on 34 breeds)."""


@dataclass(frozen=True)
class CompressionMethod:
    """A way to make a network smaller.

    Args:
        key: as in ``CompressionSpec.method``.
        label: on the page.
        sentence: what it does, and what it does not.
        amounts: shares of a sweep, 0..1; () where there is no more and less.
    """

    key: Method
    label: str
    sentence: str
    amounts: tuple[float, ...] = ()


METHODS: Mapping[str, CompressionMethod] = {
    each.key: each
    for each in (
        CompressionMethod(
            "channels", "Fewer channels",
            "Structured pruning: in every layer the weakest channels (by the norm of what they hand on) are taken out, "
            "with all that hangs on them; those that stay get back the mean and spread that they had, measured on training "
            "images. File, memory and time really shrink; so does accuracy, until the network has been fine-tuned.",
            (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        ),
        CompressionMethod(
            "magnitude", "Zeros in place of small weights",
            "Unstructured pruning by magnitude: the smallest weights of every layer are set to zero, fewer in layers that it "
            "hurts more; what is left gets back the mean and spread it had, measured on training images. The file stays as "
            "large and the network as slow as it was, because a zero takes as much room and time as any other number. It "
            "shows how many weights the network can do without.",
            (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        ),
        CompressionMethod(
            "half", "Half precision",
            "Every weight is rounded to 16 bits: half the file. On a processor the network computes in 32 bits all the same, "
            "so it is no faster there; on a GPU it could be.",
        ),
        CompressionMethod(
            "int8", "int8",
            "Weights and activations in 8 bits, by ONNX Runtime's static quantisation: about a quarter of the file, and "
            "faster on a processor. The ranges of the activations are measured on training images.",
        ),
    )
}  # fmt: skip
"""Key to method, in the order of the page."""


@dataclass(frozen=True)
class CompressionSpec:
    """One smaller network, to be kept as a version and judged.

    Args:
        start: the open model on its validation images.
        evaluation: fingerprint of its saved evaluation, with which the smaller one is compared.
        method: a key of ``METHODS``.
        amount: share of the channels, or of the weights, that goes: 0..0.95; 0 for the other methods.
        name: of the version.
        parent: id of the version that the open model is, or "".
        training: images that the ranges of int8 are measured on, that what is left after pruning is set right by, and that
            fine-tuning learns from; without a path, the choosing half of the validation images.
        epochs: of fine-tuning the whole network afterwards; 0 for none.

    Raises:
        JobError: a value makes no sense.
    """

    start: EvaluationSpec
    evaluation: str
    method: Method
    amount: float = 0.0
    name: str = ""
    parent: str = ""
    training: TrainingImages = field(default_factory=TrainingImages)
    epochs: int = 0

    def __post_init__(self) -> None:
        check_method(self.method)
        check_share(self.amount, swept=self.method in SWEPT)
        if (
            type(self.epochs) is not int
            or not 0 <= self.epochs <= 1000
            or (self.epochs and self.method == "int8")
        ):
            raise JobError(f"After {self.method} there can be no fine-tuning of {self.epochs!r} epochs.")

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**asdict(self), "start": self.start.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CompressionSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing or unknown, or a value makes no sense.
        """
        check_keys(value, {each.name for each in fields(cls)})
        return cls(
            **{
                **value,
                "start": EvaluationSpec.from_json(value["start"]),
                "training": TrainingImages(**value["training"]),
            }
        )

    @property
    def record(self) -> FinetuneSpec:
        """What the version keeps of where it came from, in the words of a training; nothing of it was trained."""
        calibrated = self.method != "half"
        return FinetuneSpec(
            start=self.start,
            baseline=self.start,
            training=replace(self.training, test_path=None, test_split=None)
            if calibrated
            else TrainingImages(),
            recipe=DEFAULTS["bottleneck"],
            augmentation=Augmentation(),
            name=self.name,
            parent=self.parent,
        )


@dataclass(frozen=True)
class SweepSpec:
    """Several amounts of a method, tried without keeping a network.

    Args:
        start: the open model on its validation images.
        evaluation: fingerprint of its saved evaluation.
        method: a key of ``METHODS`` with amounts.
        amounts: shares that go, each 0..0.95, ascending.
        training: as of ``CompressionSpec``.

    Raises:
        JobError: a value makes no sense.
    """

    start: EvaluationSpec
    evaluation: str
    method: Method
    amounts: tuple[float, ...]
    training: TrainingImages = field(default_factory=TrainingImages)

    def __post_init__(self) -> None:
        check_method(self.method)
        if self.method not in SWEPT or not self.amounts or list(self.amounts) != sorted(set(self.amounts)):
            raise JobError(f"A sweep of {self.method} over {list(self.amounts)!r} makes no sense.")
        for amount in self.amounts:
            check_share(amount, swept=True)

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**asdict(self), "start": self.start.to_json(), "amounts": list(self.amounts)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SweepSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing or unknown, or a value makes no sense.
        """
        check_keys(value, {each.name for each in fields(cls)})
        return cls(
            **{
                **value,
                "start": EvaluationSpec.from_json(value["start"]),
                "amounts": tuple(value["amounts"]),
                "training": TrainingImages(**value["training"]),
            }
        )


def check_method(method: object) -> None:
    """Refuse what is no method.

    Raises:
        JobError: it is none.
    """
    if method not in get_args(Method):
        raise JobError(
            f"There is no way to compress called {method!r}.", next_step=f"There are {', '.join(METHODS)}."
        )


def check_share(amount: object, *, swept: bool) -> None:
    """Refuse a share that cannot go.

    Raises:
        JobError: it cannot.
    """
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    if not is_number or not (0 < amount <= LARGEST_SHARE if swept else amount == 0):  # type: ignore[operator]
        raise JobError(
            f"A share of {amount!r} cannot go.",
            next_step=f"Give a number over 0, up to {LARGEST_SHARE}." if swept else "Leave the amount at 0.",
        )


def check_keys(value: Mapping[str, Any], known: set[str]) -> None:
    """Refuse plain data with other keys.

    Raises:
        JobError: one is missing or unknown.
    """
    wrong = sorted(set(value) ^ known)
    if wrong:
        raise JobError(f'The spec of a compression has no, or should have, "{wrong[0]}".')
