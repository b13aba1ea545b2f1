"""Whether the running statistics of a network's batch norms are those of images at all. Importing it needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

_USUAL_EPS = 1e-5
_TOLERANCE = 0.1
"""In shares of eps: so near to it a value must be. It tells a variance of 1 - eps from one of exactly 1, in float32 and,
where eps is .001, in half precision."""


@dataclass(frozen=True)
class NormStatistics:
    """How many of some batch norms have running statistics that come from no images.

    Statistics of images never have a mean of exactly 0 and a variance of 1 in all channels at once.

    Args:
        n: batch norms that keep running statistics.
        n_folded: whose mean is 0 and whose variance and eps add up to 1, as is written where a norm was folded into the
            layer before it; or whose variance is exactly 1 while they have a shift (a folded network in half precision,
            or a norm that was kept fixed all along). The network's answers rest on these statistics.
        n_shifting: of the folded ones, whose scale is 1: they add a shift and do nothing else. Where layers learnt
            afterwards, it no longer is.
        n_untouched: others whose mean is 0 and whose variance is exactly 1, as they are made.
    """

    n: int = 0
    n_folded: int = 0
    n_shifting: int = 0
    n_untouched: int = 0

    def to_json(self) -> dict[str, int]:
        """Plain data: ``NormStatistics(**value)`` reads it back."""
        return asdict(self)


def norm_statistics(modules: Iterable[nn.Module]) -> NormStatistics:
    """Look at the batch norms among some modules, in programs too, without any image.

    Args:
        modules: of a network, e.g. ``network.module.modules()``; what is there twice counts once.

    >>> from torch import nn
    >>> norm_statistics(nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)).modules())
    NormStatistics(n=1, n_folded=0, n_shifting=0, n_untouched=1)
    """
    kinds = [_kind(each) for each in {id(each): each for each in modules}.values()]
    return NormStatistics(
        n=len(kinds) - kinds.count(""),
        n_folded=kinds.count("shifting") + kinds.count("folded"),
        n_shifting=kinds.count("shifting"),
        n_untouched=kinds.count("untouched"),
    )


def _kind(module: nn.Module) -> str:
    """What a module is; "" where it is no batch norm with running statistics."""
    mean, variance = (_numbers(module, name) for name in ("running_mean", "running_var"))
    if mean is None or variance is None:
        return ""
    eps = float(getattr(module, "eps", _USUAL_EPS))  # some programs do not say
    near = _TOLERANCE * eps
    is_as_made = bool((variance == 1).all())
    if bool((mean.abs() > near).any()) or not (is_as_made or _is_near(variance + eps, near)):
        return "of images"
    scale, shift = _numbers(module, "weight"), _numbers(module, "bias")
    if is_as_made and (shift is None or not bool(shift.any())):
        return "untouched"
    return "shifting" if scale is None or _is_near(scale, near) else "folded"


def _numbers(module: nn.Module, name: str) -> Tensor | None:
    found: Tensor | None = getattr(module, name, None)
    return None if found is None else found.detach().cpu().double()


def _is_near(values: Tensor, near: float) -> bool:
    """Whether all are 1."""
    return bool(((values - 1).abs() <= near).all())
