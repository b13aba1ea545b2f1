"""How a network is trained, as plain data: which weights, which optimiser, how long. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, get_args

from models.errors import RecipeError
from models.norm_statistics import NormStatistics

Kind = Literal["scratch", "bottleneck", "last_block", "two_blocks", "whole"]
Optimiser = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "step", "plateau", "constant"]
Balance = Literal["none", "class_weights", "balanced_sampling"]
Mixing = Literal["none", "mixup", "cutmix"]
Cache = Literal["exact", "half", "off"]
BatchNorm = Literal["fixed", "learning"]


@dataclass(frozen=True)
class RecipeKind:
    """One of the ways to train.

    Args:
        key: as in ``Recipe.kind``.
        label: on the page.
        sentence: what it does, for whom it is.
        n_stages: how many stages before the head are trained; None for all of them.
    """

    key: Kind
    label: str
    sentence: str
    n_stages: int | None


KINDS: Mapping[str, RecipeKind] = {
    kind.key: kind
    for kind in (
        RecipeKind(
            "bottleneck", "Bottleneck features",
            "The backbone stays as it is; what it sees in each image is computed once and kept, and a new head learns "
            "from that in seconds. A first try, and enough where the backbone already tells the classes apart.",
            0,
        ),
        RecipeKind(
            "last_block", "Last block",
            "The last stage and the head learn, slowly (SGD with momentum), from a head that was trained on bottleneck "
            "features. For classes that the backbone's last features mix up.",
            1,
        ),
        RecipeKind(
            "two_blocks", "Last two blocks",
            "One more stage learns. For images unlike those that the backbone was trained on; wants more of them.",
            2,
        ),
        RecipeKind(
            "whole", "Whole network",
            "All weights learn, the earlier the stage the more slowly (discriminative learning rates). The most that "
            "can be gained and lost; wants thousands of images or a short, careful run.",
            None,
        ),
        RecipeKind(
            "scratch", "Small CNN from scratch",
            "A small convolutional network with dropout learns from random weights. A floor to compare with, and the "
            "choice where no pretrained network knows such pictures.",
            None,
        ),
    )
}  # fmt: skip
"""Key to kind, in the order of the page."""


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network is trained, but for the images and their augmentation.

    Args:
        kind: a key of ``KINDS``.
        epochs: passes over the training images.
        head_epochs: epochs in which the head alone learns on bottleneck features before deeper weights do; None
            takes 10 where the head is new, else 0. Not for "bottleneck" and "scratch".
        batch_size: images to a step, over all processes together.
        optimiser: "sgd" (with Nesterov-free momentum) or "adamw".
        learning_rate: of the head, at its peak.
        momentum: of SGD, 0..1.
        stage_factor: each stage before the head learns with this share of the rate of the one after it, 0..1.
        weight_decay: L2 penalty, as the optimiser applies it (decoupled for AdamW); not on biases and norms.
        l1: L1 penalty: this times the sum of absolute values of all weights that learn, without biases and norms.
        hidden: widths of hidden layers of a new head; () is a linear head.
        dropout: before each layer of a new head, 0..1.
        new_head: replace the head by a new one even where its classes are the same.
        label_smoothing: 0..1.
        balance: nothing, weights in the loss inverse to the class's size, or classes drawn equally often.
        mixing: MixUp or CutMix, with partners within the batch.
        mixing_alpha: both parameters of the Beta distribution the share is drawn from.
        schedule: of the learning rate: half a cosine, a factor every some epochs, a factor when the validation
            loss stands still, or none.
        warmup_epochs: over which the rate rises from 0, linearly, step by step; all schedules.
        step_epochs: of "step": epochs between falls; of "plateau": epochs of patience.
        step_factor: of "step" and "plateau", 0..1.
        patience: epochs without a better validation loss after which training stops; None never stops early.
        clip_norm: largest L2 norm of the gradient of all weights; None clips nothing.
        batch_norm: whether the running statistics of batch norm in layers that learn stay as they are ("fixed": in
            evaluation mode, their scales and shifts learn all the same) or follow the batches. Where norms were folded into
            the convolutions before them (`models.norm_statistics`), following ruins the network at once: such a
            MobileNetV2 falls from 94 % to 6 % by one pass of 416 photos without any learning, and keeps 94 % with
            statistics of photos put back. Of layers that do not learn they are always fixed.
        mixed_precision: where the device has it.
        views: augmented versions of each training image, shown in turn; 0 draws a new one in every epoch.
        cache: keep the features of frozen layers on disk as they are, in half precision, or not at all. Only where
            ``views`` is not 0 or nothing is augmented, and nothing is mixed.
        seed: of everything that is drawn.

    Raises:
        RecipeError: a value makes no sense.
    """

    kind: Kind = "last_block"
    epochs: int = 15
    head_epochs: int | None = None
    batch_size: int = 32
    optimiser: Optimiser = "sgd"
    learning_rate: float = 0.001
    momentum: float = 0.9
    stage_factor: float = 0.3
    weight_decay: float = 1e-4
    l1: float = 0.0
    hidden: tuple[int, ...] = ()
    dropout: float = 0.2
    new_head: bool = False
    label_smoothing: float = 0.0
    balance: Balance = "none"
    mixing: Mixing = "none"
    mixing_alpha: float = 0.2
    schedule: Schedule = "cosine"
    warmup_epochs: float = 1.0
    step_epochs: int = 5
    step_factor: float = 0.3
    patience: int | None = 5
    clip_norm: float | None = None
    batch_norm: BatchNorm = "fixed"
    mixed_precision: bool = False
    views: int = 4
    cache: Cache = "exact"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in _CHOICES:
                _check(value in _CHOICES[name], name, value, f"one of {', '.join(map(str, _CHOICES[name]))}")
            if name in _RANGES:
                _check_range(name, value)
        widths = self.hidden
        valid = isinstance(widths, tuple) and all(type(each) is int and 1 <= each <= 65536 for each in widths)
        _check(valid, "hidden", widths, "a list of whole numbers from 1 to 65536")

    def keeps_features(self, *, is_augmented: bool) -> bool:
        """Whether what frozen layers make of the training images is kept.

        Args:
            is_augmented: whether these images are changed at random.
        """
        is_new_each_epoch = is_augmented and self.views == 0
        return self.cache != "off" and self.mixing == "none" and not is_new_each_epoch

    def throws_off(self, norms: NormStatistics) -> bool:
        """Whether statistics that come from no images, and that the network's answers rest on, would follow the batches.

        Args:
            norms: of the layers that learn.
        """
        starts_trained = self.kind not in ("scratch", "bottleneck")
        return self.batch_norm == "learning" and starts_trained and norms.n_folded > 0

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**asdict(self), "hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:
        """The recipe that ``to_json`` wrote; what is missing takes its default.

        Raises:
            RecipeError: a key is unknown, or a value makes no sense.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(map(str, value)) - known)
        if unknown:
            raise RecipeError(
                f'A recipe has no "{unknown[0]}".', next_step=f"Its settings are: {', '.join(sorted(known))}."
            )
        values = dict(value)
        if isinstance(values.get("hidden"), list):
            values["hidden"] = tuple(values["hidden"])
        return cls(**values)


_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "kind": get_args(Kind),
    "optimiser": get_args(Optimiser),
    "balance": get_args(Balance),
    "mixing": get_args(Mixing),
    "schedule": get_args(Schedule),
    "cache": get_args(Cache),
    "batch_norm": get_args(BatchNorm),
    "mixed_precision": (False, True),
    "new_head": (False, True),
}
_WHOLE, _OPTIONAL = True, True
_RANGES: Mapping[str, tuple[float, float, bool, bool]] = {
    "epochs": (1, 10_000, _WHOLE, not _OPTIONAL),
    "head_epochs": (0, 10_000, _WHOLE, _OPTIONAL),
    "batch_size": (1, 4096, _WHOLE, not _OPTIONAL),
    "learning_rate": (1e-8, 10, not _WHOLE, not _OPTIONAL),
    "momentum": (0, 0.9999, not _WHOLE, not _OPTIONAL),
    "stage_factor": (0.001, 1, not _WHOLE, not _OPTIONAL),
    "weight_decay": (0, 10, not _WHOLE, not _OPTIONAL),
    "l1": (0, 10, not _WHOLE, not _OPTIONAL),
    "dropout": (0, 0.95, not _WHOLE, not _OPTIONAL),
    "label_smoothing": (0, 0.9, not _WHOLE, not _OPTIONAL),
    "mixing_alpha": (0.01, 10, not _WHOLE, not _OPTIONAL),
    "warmup_epochs": (0, 1000, not _WHOLE, not _OPTIONAL),
    "step_epochs": (1, 10_000, _WHOLE, not _OPTIONAL),
    "step_factor": (0.001, 1, not _WHOLE, not _OPTIONAL),
    "patience": (1, 10_000, _WHOLE, _OPTIONAL),
    "clip_norm": (1e-6, 1e6, not _WHOLE, _OPTIONAL),
    "views": (0, 1000, _WHOLE, not _OPTIONAL),
    "seed": (0, 2**31 - 1, _WHOLE, not _OPTIONAL),
}


def _check_range(name: str, value: Any) -> None:
    low, high, whole, optional = _RANGES[name]
    if value is None and optional:
        return
    is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    kind = "a whole number" if whole else "a number"
    _check(
        is_number and isfinite(value) and low <= value <= high,
        name,
        value,
        f"{kind} from {low:g} to {high:g}",
    )


def _check(holds: bool, name: str, value: Any, wanted: str) -> None:
    if not holds:
        raise RecipeError(
            f'The setting "{name}" of a recipe cannot be {value!r}.', next_step=f"Give {wanted}."
        )


DEFAULTS: Mapping[str, Recipe] = {
    "bottleneck": Recipe("bottleneck", epochs=60, learning_rate=0.05, patience=10, weight_decay=1e-3),
    "last_block": Recipe("last_block"),
    "two_blocks": replace(Recipe("last_block"), kind="two_blocks", learning_rate=0.0005),
    "whole": Recipe("whole", epochs=12, learning_rate=0.0005, views=0, cache="off", clip_norm=5.0),
    "scratch": Recipe(
        "scratch", epochs=40, optimiser="adamw", learning_rate=0.002, weight_decay=0.02, dropout=0.3,
        label_smoothing=0.05, views=0, cache="off", patience=12, batch_norm="learning",
    ),
}  # fmt: skip
"""Kind to the recipe it starts with."""
