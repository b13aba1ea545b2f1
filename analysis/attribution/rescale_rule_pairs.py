"""Values in the image beside those in the baseline: how a difference passes through an operation.

The gradient that a pair carries is DeepLift's multiplier: difference of the output over difference of the
input. A chain of such steps explains the whole difference between the two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from analysis.attribution.operations import stood
from models.devices import has_doubles

Function = Callable[[torch.Tensor], torch.Tensor]
# Where the two values differ by less than this share of the larger, their difference has lost digits ...
_NEAR = 1e-2
# ... and so few are left, even with doubled digits (or with plain ones, where a device has no others), that
# the slope between them is the derivative.
_SAME = {torch.float64: 1e-8, torch.float32: 3e-4}


def widest(tensor: torch.Tensor) -> torch.Tensor:
    """The same in double precision, or in single precision where the device has no other."""
    return tensor.double() if has_doubles(tensor.device) else tensor.float()


@dataclass(frozen=True)
class Pair:
    """What one operation sees.

    Args:
        now: in the image; its gradient is the multiplier.
        then: in the baseline, of the same shape, without a gradient.
    """

    now: torch.Tensor
    then: torch.Tensor

    @property
    def middle(self) -> torch.Tensor:
        """The mean of both, without a gradient."""
        return (self.now.detach() + self.then) / 2

    def widest(self) -> Pair:
        """The same with twice the digits where the device has them, for sums of squares and exponentials."""
        return Pair(widest(self.now), widest(self.then))


def linear(function: Function, given: Pair) -> Pair:
    """An operation that is linear in its input, but for a constant: its gradient is its multiplier."""
    with torch.no_grad():
        then = function(given.then)
    return Pair(function(given.now), then)


def rescaled(function: Function, given: Pair) -> Pair:
    """The Rescale rule, for a function of each element alone.

    Args:
        function: of a tensor of any shape, element by element; it may overwrite what it is given.
        given: its input.

    Returns:
        Its output; the multiplier is the slope of the chord between the two inputs, and the derivative
        where they are equal.
    """
    now, then = given.now.detach(), given.then
    value, before = function(now.clone()), function(then.clone())
    difference = now - then
    # "not above" rather than "below": two values at minus infinity are the same value
    near = ~(difference.abs() > _NEAR * torch.maximum(now.abs(), then.abs()))
    slope = (value - before) / difference
    places = near.flatten().nonzero().squeeze(1)
    if len(places):
        close = _close_slope(function, now.flatten()[places], then.flatten()[places])
        slope = slope.flatten().index_copy(0, places, close.to(slope.dtype)).view(now.shape)
    return Pair(stood(value, given.now * slope), before)


def _close_slope(function: Function, now: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
    now, then = widest(now), widest(then)
    same = ~((now - then).abs() > _SAME[now.dtype] * torch.maximum(now.abs(), then.abs()))
    rise, run = function(now.clone()) - function(then.clone()), now - then
    middle = torch.where(now == then, now, (now + then) / 2)
    return torch.where(same, _derivative(function, middle), rise / run)


def _derivative(function: Function, place: torch.Tensor) -> torch.Tensor:
    leaf = place.detach().requires_grad_()
    value = function(leaf.clone())
    if not value.requires_grad:  # a step function
        return torch.zeros_like(place)
    # Where it is infinite (a root at 0), nothing differs that it could multiply.
    return torch.autograd.grad(value.sum(), leaf)[0].nan_to_num(0, 0, 0)


def multiplied(operation: Callable[..., torch.Tensor], a: Pair, b: Pair) -> Pair:
    """A product of two tensors that both hang on the image, by the midpoint rule.

    a b - a' b' = (a - a')(b + b')/2 + (b - b')(a + a')/2: each factor answers for its own difference, at
    the mean of the other. This is the Shapley value of the two factors.

    Args:
        operation: linear in each of its two arguments, as multiplication and matrix products are.
        a: its first argument.
        b: its second argument.
    """
    with torch.no_grad():
        value, before = operation(a.now.clone(), b.now), operation(a.then.clone(), b.then)
    stand_in = operation(a.now.clone(), b.middle) + operation(a.middle, b.now)
    return Pair(stood(value, stand_in), before)


def divided(above: Pair, below: Pair) -> Pair:
    """A quotient of two tensors that both hang on the image: the midpoint rule, solved for the quotient.

    From above = quotient * below follows, by the midpoint rule, that the quotient's difference is
    (difference above - mean quotient * difference below) / mean below. Unlike a product with the
    reciprocal it stays tame where one of the two divisors is nearly 0, as LayerNorm's is on a plain area.

    Args:
        above: the dividend.
        below: the divisor, of one sign; a shape that broadcasts.
    """
    value, before = above.now.detach() / below.now.detach(), above.then / below.then
    stand_in = (above.now - (value + before) / 2 * below.now) / below.middle
    return Pair(stood(value, stand_in), before)


def picked(given: Pair, place: torch.Tensor, place_then: torch.Tensor) -> torch.Tensor:
    """The largest of several elements.

    What the largest gained over the baseline's is credited to where the larger of the two stands, in its
    own tensor: that element differs by at least as much, so the multiplier lies between 0 and 1. An
    element that is picked by several windows sums up what they give it.

    Args:
        given: (..., N).
        place: (..., K) which of the N elements the image picks, K times.
        place_then: likewise for the baseline.

    Returns:
        (..., K), the largest elements of the image.
    """
    now = given.now.detach()
    top, top_then = now.gather(-1, place), given.then.gather(-1, place_then)
    source = torch.where(top >= top_then, place, place_then)
    run = now.gather(-1, source) - given.then.gather(-1, source)
    share = torch.where(run == 0, 1, (top - top_then) / run)
    return stood(top, given.now.gather(-1, source) * share)


def normed(given: Pair, dims: Sequence[int], eps: float, *, centred: bool = True) -> Pair:
    """Mean 0 and variance 1 over some dimensions: LayerNorm and its kin, in single steps.

    Args:
        given: in the widest precision.
        dims: over which the mean and the variance are taken.
        eps: added to the variance.
        centred: False leaves the mean where it is (RMSNorm).
    """
    if centred:
        given = linear(lambda x: x - x.mean(tuple(dims), keepdim=True), given)
    variance = linear(lambda x: x.mean(tuple(dims), keepdim=True), rescaled(torch.square, given))
    return divided(given, rescaled(lambda x: (x + eps).sqrt(), variance))


def exponentials(given: Pair, dim: int) -> tuple[Pair, torch.Tensor]:
    """Exponentials that do not overflow.

    Args:
        given: in the widest precision.
        dim: along which they are to be summed.

    Returns:
        The exponentials, and the largest exponent, (..., 1, ...), by which all were lowered.
    """
    highest = torch.maximum(given.now.detach(), given.then).amax(dim, keepdim=True)
    return rescaled(torch.exp, linear(lambda x: x - highest, given)), highest


def log_sum(given: Pair, dim: int) -> Pair:
    """The logarithm of the sum of exponentials, kept as a dimension of size 1.

    Args:
        given: in the widest precision, so that the two may lie 700 apart.
        dim: over which the sum is taken.
    """
    powers, highest = exponentials(given, dim)
    logarithm = rescaled(torch.log, linear(lambda x: x.sum(dim, keepdim=True), powers))
    return linear(lambda x: x + highest, logarithm)


def shares(given: Pair, dim: int) -> Pair:
    """The softmax: exponentials divided by their sum.

    Args:
        given: in the widest precision, so that the two may lie 700 apart.
        dim: over which the sum is taken.
    """
    powers, _ = exponentials(given, dim)
    return divided(powers, linear(lambda x: x.sum(dim, keepdim=True), powers))
