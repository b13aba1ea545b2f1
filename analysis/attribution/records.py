"""What an attribution method is asked, what it answers, and how it describes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from models.network import Network

Cost = Literal["instant", "seconds", "minutes"]
Family = Literal["Class activation maps", "Gradients", "Propagation rules", "Perturbation", "Attention"]
OptionValue = int | float | str


@dataclass(frozen=True)
class Contrast:
    """The question "why ``a`` rather than ``b``?": the logit of ``a`` minus the logit of ``b``.

    Args:
        a: index of the class asked for.
        b: index of the class it is held against.
    """

    a: int
    b: int


Target = int | Contrast
"""What is explained: the logit of a class, or the difference of two."""


@dataclass(frozen=True)
class Option:
    """A setting of a method, with all that a page needs to ask for it.

    Args:
        name: the keyword of the method's function.
        label: a few words for the screen.
        default: its value and its type (int, float or str).
        meaning: one sentence for the tooltip.
        low: smallest value; None for words.
        high: largest value; None for words.
        step: step of a slider; None for words.
        choices: the words to choose from; empty if any word will do.
    """

    name: str
    label: str
    default: OptionValue
    meaning: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One image and what is asked about it, ready for a method.

    Args:
        network: the network to explain; a method changes nothing on it.
        inputs: (1, 3, H, W) float32, normalised, on the network's device, without a gradient.
        targets: what to explain; a method answers all of them from one forward pass where it can.
    """

    network: Network
    inputs: torch.Tensor
    targets: tuple[Target, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the input, in pixels."""
        return self.inputs.shape[-2], self.inputs.shape[-1]


@dataclass(frozen=True)
class Estimate:
    """What a method knows so far.

    Args:
        fraction: share of the work done, above 0 up to 1.
        maps: one (H, W) tensor of relevance per target, at the input's resolution.
        layer: the layer it was read from, for methods that read one.
        expected_sums: for methods that promise what their relevance adds up to, that sum, one per target.
        note: one sentence on this very run, where the method is stretched beyond its paper; else "".
    """

    fraction: float
    maps: tuple[torch.Tensor, ...]
    layer: str | None = None
    expected_sums: tuple[float, ...] | None = None
    note: str = ""


Settings = Mapping[str, OptionValue]


def _one_run(_: Settings) -> float:
    return 1.0


@dataclass(frozen=True)
class Method:
    """An attribution method: the one description that menus, tests and documents are made from.

    Args:
        key: its name in addresses and in Python.
        label: its name on the screen.
        function: takes a `Question` and the options by keyword; yields ever better estimates, the last
            one with a fraction of 1. It leaves nothing behind on the network, however it ends.
        family: under which heading menus list it.
        cost: what a person should expect to wait.
        runs: its cost with given settings, for one target, in units of one forward pass with the gradient
            of the input: times the duration of that, it is the estimate before a run.
        signed: whether relevance below zero means "speaks against".
        options: its settings.
        grain: side in input pixels of the squares to average before drawing, for maps so fine that single
            pixels would not be seen (`analysis.saliency_image`); relevance itself is never averaged.
        needs: what the network must offer, in words; "" if any will do.
        source: the paper: authors, year, title.
        limits: one sentence on what not to read into its maps.
        promise: what its relevance adds up to, as the end of a sentence ("the score"), where the method
            promises that; then each estimate has ``expected_sums``.
    """

    key: str
    label: str
    function: Callable[..., Iterator[Estimate]]
    family: Family
    cost: Cost
    signed: bool
    source: str
    limits: str
    options: tuple[Option, ...] = ()
    needs: str = ""
    grain: int = 1
    runs: Callable[[Settings], float] = _one_run
    promise: str = ""


@dataclass(frozen=True)
class Attribution:
    """Which places of the input spoke for the target.

    Args:
        relevance: (H, W) float32 at the input's resolution, as the method gives it: neither scaled nor
            clipped. Below zero, where the method is signed, a place speaks against the target.
        method: key of the method.
        target: what was explained.
        options: the method's settings, defaults included.
        layer: the layer it was read from, or None.
        seconds: how long the method worked, waiting for the page left out.
        expected_sum: what the method promises that the relevance adds up to, or None.
        note: one sentence on this very run, or "".
    """

    relevance: npt.NDArray[np.float32]
    method: str
    target: Target
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    layer: str | None = None
    seconds: float = 0.0
    expected_sum: float | None = None
    note: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing in the image speaks for the target ("no positive evidence")."""
        return not bool((self.relevance > 0).any())

    @property
    def completeness_error(self) -> float | None:
        """How far the relevance is from adding up to what the method promises, as a share of that.

        0 is perfect, 1 means that the sum has nothing to do with the promise. None where the method
        promises nothing, and where what it promises is 0 to within a millionth.
        """
        if self.expected_sum is None or abs(self.expected_sum) < 1e-6:
            return None
        found = float(self.relevance.sum(dtype=np.float64))
        return abs(found - self.expected_sum) / abs(self.expected_sum)


@dataclass(frozen=True)
class Step:
    """A state of a running method.

    Args:
        fraction: share of the work done, above 0 up to 1.
        attributions: what is known so far, one per target, in the order of the targets.
    """

    fraction: float
    attributions: tuple[Attribution, ...]
