"""The settings of a recipe as a person changes them: label, range and a word on what each does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from models.errors import RecipeError
from models.finetune.recipe import KINDS

_DEEP = ("last_block", "two_blocks", "whole")
_OF_HEADS = tuple(kind for kind in KINDS if kind != "scratch")


@dataclass(frozen=True)
class Setting:
    """One setting of a recipe, asked for by the widget that suits it.

    Args:
        name: as in `models.finetune.recipe.Recipe`.
        label: over the widget.
        help: what it does.
        kinds: of the recipes that have it.
        needs: another setting and the values of it without which this one says nothing.
    """

    name: str
    label: str
    help: str
    kinds: Collection[str] = field(default=tuple(KINDS), kw_only=True)
    needs: tuple[str, Collection[str]] | None = field(default=None, kw_only=True)

    def counts(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether it changes anything.

        Args:
            kind: of the recipe.
            values: of the settings before it.
        """
        return kind in self.kinds and (self.needs is None or values.get(self.needs[0]) in self.needs[1])

    def asked(self, usual: Any, key: str) -> Any:
        """What the person wants; at first the usual."""
        return st.toggle(self.label, usual, key=key, help=self.help, persist_state="session")

    def shown(self, value: Any) -> Any:
        """A value as the widget holds it."""
        return value


@dataclass(frozen=True)
class Number(Setting):
    """A number, whole where its step is; None is allowed where there is a word for it.

    Args:
        low: the least.
        high: the most.
        step: of the buttons.
        none: what an empty field says; "" where it must not be empty.
    """

    low: float
    high: float
    step: float
    none: str = ""

    def asked(self, usual: Any, key: str) -> Any:
        """What the person wants; at first the usual."""
        asked = st.number_input(
            self.label, self.low, self.high, usual, self.step, key=key, help=self.help, persist_state="session",
            format="%d" if isinstance(self.step, int) else "%g", placeholder=self.none or None,
        )  # fmt: skip
        return usual if asked is None and not self.none else asked


@dataclass(frozen=True)
class Choice(Setting):
    """One of some words.

    Args:
        words: value to what the person reads.
    """

    words: Mapping[str, str]

    def asked(self, usual: Any, key: str) -> Any:
        """What the person wants; at first the usual."""
        options = list(self.words)
        return st.selectbox(
            self.label, options, index=options.index(usual), format_func=self.words.__getitem__, key=key, help=self.help,
            persist_state="session",
        )  # fmt: skip


@dataclass(frozen=True)
class Widths(Setting):
    """Whole numbers with commas between them."""

    def asked(self, usual: Any, key: str) -> Any:
        """What the person wants; at first the usual.

        Raises:
            RecipeError: something is no whole number.
        """
        text = st.text_input(
            self.label, self.shown(usual), key=key, help=self.help, placeholder="none", persist_state="session"
        )  # fmt: skip
        return whole_numbers(text)

    def shown(self, value: Any) -> Any:
        """A value as the widget holds it."""
        return ", ".join(map(str, value))


def whole_numbers(text: str) -> tuple[int, ...]:
    """The numbers of a list that a person typed.

    Raises:
        RecipeError: something is no whole number.

    >>> whole_numbers("256, 64"), whole_numbers("")
    ((256, 64), ())
    """
    try:
        return tuple(int(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError as error:
        raise RecipeError(
            f'The widths of hidden layers cannot be "{text}".',
            next_step="Give whole numbers, such as 256, 64.",
        ) from error


MAIN: tuple[Setting, ...] = (
    Number("epochs", "Epochs", "Passes over the training images; early stopping may end before.", 1, 1000, 1),
    Number("learning_rate", "Learning rate", "Of the head, at its peak.", 1e-6, 10.0, 0.001),
    Number("batch_size", "Images in a batch", "Halved by itself where the memory is too small.", 1, 1024, 8),
)
"""What is in sight."""

GROUPS: Mapping[str, tuple[Setting, ...]] = {
    "Optimiser": (
        Choice("optimiser", "Optimiser", "SGD with momentum forgets less; AdamW is quicker from random weights.",
               {"sgd": "SGD with momentum", "adamw": "AdamW"}),
        Number("momentum", "Momentum", "Of SGD.", 0.0, 0.999, 0.05, needs=("optimiser", ("sgd",))),
        Number("weight_decay", "L2 (weight decay)", "Not on biases and norms.", 0.0, 1.0, 0.0001),
        Number("l1", "L1", "Penalty on absolute values of the weights that learn.", 0.0, 1.0, 0.0001),
        Number("stage_factor", "Rate of each earlier stage",
               "Each stage before the head learns with this share of the rate of the one after it.", 0.001, 1.0, 0.1,
               kinds=_DEEP),
        Number("clip_norm", "Largest gradient", "L2 norm of the gradient of all weights.", 0.001, 1000.0, 1.0, "no limit"),
    ),
    "Schedule": (
        Choice("schedule", "Learning rate over time", "After the warm-up.",
               {"cosine": "Falls like a cosine", "step": "Falls in steps", "plateau": "Falls on a plateau",
                "constant": "Stays"}),
        Number("warmup_epochs", "Warm-up, in epochs", "Over which the rate rises from 0.", 0.0, 100.0, 0.5),
        Number("patience", "Patience, in epochs",
               "So many epochs without a better validation loss end the training; the best weights are kept.", 1, 1000, 1,
               "never stop early"),
        Number("step_epochs", "Epochs of a step", "Between falls; on a plateau, epochs of standstill.", 1, 1000, 1,
               needs=("schedule", ("step", "plateau"))),
        Number("step_factor", "Factor of a fall", "Of steps and of a plateau.", 0.001, 1.0, 0.1,
               needs=("schedule", ("step", "plateau"))),
    ),
    "Head": (
        Setting("new_head", "Begin with a new head",
                "Even where the classes stay the same. Where they differ it is new in any case.", kinds=_OF_HEADS),
        Widths("hidden", "Hidden layers", "Their widths, such as 256, 64; none is a linear head."),
        Number("dropout", "Dropout", "Before each layer of a new head.", 0.0, 0.95, 0.1),
        Number("head_epochs", "Epochs of the head alone",
               "On bottleneck features, before deeper weights learn: 10 where the head is new, else none.", 0, 1000, 1,
               "by itself", kinds=_DEEP),
    ),
    "Loss and batches": (
        Number("label_smoothing", "Label smoothing", "Share of the label spread over all classes.", 0.0, 0.9, 0.05),
        Choice("balance", "Rare classes", "What is done where classes have unequal numbers of images.",
               {"none": "Count as they are", "class_weights": "Weigh more in the loss",
                "balanced_sampling": "Are drawn as often as others"}),
        Choice("mixing", "Mixing", "Of two images of a batch into one; nothing can then be cached.",
               {"none": "None", "mixup": "MixUp", "cutmix": "CutMix"}),
        Number("mixing_alpha", "Strength of mixing", "Both parameters of the Beta distribution.", 0.01, 10.0, 0.1,
               needs=("mixing", ("mixup", "cutmix"))),
    ),
    "Machine": (
        Number("views", "Augmented versions of each image",
               "Shown in turn, their features kept on disk; 0 draws a new one in every epoch and keeps nothing.", 0, 100, 1),
        Choice("cache", "Features of frozen layers", "Computed once and kept on disk.",
               {"exact": "Kept as they are", "half": "Kept in half precision", "off": "Computed anew each epoch"}),
        Choice("batch_norm", "Batch-norm statistics",
               "Of layers that learn. Where norms were folded into convolutions, following the batches ruins the network.",
               {"fixed": "Stay as they are", "learning": "Follow the batches"}),
        Setting("mixed_precision", "Mixed precision", "Where the device has it."),
        Number("seed", "Seed", "The same seed gives the same training.", 0, 2**31 - 1, 1),
    ),
}  # fmt: skip
"""All others, by what they are about."""
