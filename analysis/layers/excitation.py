"""An image that excites a channel or a class, made by climbing the gradient from noise.

Such a picture shows what one number of the network responds to; it is no image of the class, and another seed gives
another picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from analysis.attribution.layers import refuse_programs
from analysis.layers.excitation_record import Excited
from analysis.layers.observed import ACTIVATIONS, LayerOutput, observed_forward
from models.errors import AttributionError
from models.network import Network

_RATE = 0.05
_BEFORE = 0.1
"""The share of what is before the activation."""
_SPREAD = 0.01
_LEAK = 0.1
_SMOOTHNESS = 0.15
_JITTER = 1 / 14
_SCALES = (0.9, 1.1)
_DEGREES = 8.0
# Principal axes of colour in ImageNet's photographs (Olah et al. 2017): what photographs vary in little, the climb
# changes little.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class _Heard(Exception):
    """The layer was heard; the rest of the forward pass is not needed."""


class Climb:
    """A picture on its way from noise to what excites a channel or a class.

    The picture is kept as its spatial frequencies and in colours without correlation, and is moved, turned and
    scaled a little at each step, so that what comes does not hang on single pixels. What is climbed is the mean of a
    channel's map over the middle third of its places, and a little of what it is before the activation: behind that
    alone, a channel that is silent for noise, or at its limit, has no slope.

    Args:
        network: a plain network, no program.
        excited: what is to be excited.
        input_size: (H, W) in pixels.
        seed: of the noise and of all that is drawn; the same gives the same picture on the same machine.

    Raises:
        AttributionError: it is a program, or there is no such layer, channel or class.

    Source:
        C. Olah, A. Mordvintsev, L. Schubert, Feature Visualization, Distill (2017).
    """

    def __init__(
        self, network: Network, excited: Excited, input_size: tuple[int, int], seed: int = 0
    ) -> None:
        refuse_programs(network)
        if not excited.layer and not 0 <= excited.channel < len(network.class_names):
            raise AttributionError(
                f"This network has no class number {excited.channel}.", next_step="Choose another."
            )
        self._network, self._excited, self._size = network, excited, input_size
        self._generator = torch.Generator().manual_seed(seed)
        device = next(network.module.parameters()).device
        height, width = input_size
        noise = torch.randn(3, height, width // 2 + 1, 2, generator=self._generator)
        self._spectrum = (noise * _SPREAD).to(device).requires_grad_()
        self._optimiser = torch.optim.Adam([self._spectrum], lr=_RATE)
        self._scale = 1e-6
        self.values: list[float] = []
        """What the channel's mean over the middle, or the logit, was at each step, on the picture as it was moved."""

    def step(self) -> None:
        """One step upwards."""
        with torch.enable_grad():
            picture = _picture(self._spectrum, self._size)
            moved = _moved(picture, self._generator)
            slope = self._slope(moved.detach().requires_grad_())
            # the penalty in units of what it gives, so that it weighs the same in every layer
            loss = -(moved * slope).sum() + _SMOOTHNESS * self._scale * _variation(picture)
            (self._spectrum.grad,) = torch.autograd.grad(loss, self._spectrum)
        self._optimiser.step()

    def _slope(self, seen: Tensor) -> Tensor:
        """How what is climbed changes with each pixel; notes what the channel or class gives."""
        slope = torch.zeros_like(seen)
        for leak in (0.0, _LEAK):
            climbed, given = self._value(seen, leak)
            (slope,) = torch.autograd.grad(climbed, seen)
            if slope.any():  # else nothing on the way is active: the leak finds what could be
                break
        self._scale = max(self._scale, abs(float(climbed.detach())))
        self.values.append(float(given))
        return slope

    def picture(self) -> npt.NDArray[np.float32]:
        """(H, W, 3) the picture so far, from 0 to 1."""
        with torch.no_grad():
            found = _picture(self._spectrum, self._size)[0].permute(1, 2, 0).float().cpu().numpy()
        return np.asarray(found, dtype=np.float32)

    def highest(self) -> float:
        """The largest value of the channel anywhere in the picture so far, or the class's logit."""
        with torch.no_grad():
            _, output, logits = self._forward(_picture(self._spectrum, self._size), 0.0)
        return float(
            logits[0, self._excited.channel] if output is None else output[0, self._excited.channel].max()
        )

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes, for a file."""
        return {
            "spectrum": self._spectrum.detach().cpu(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "values": list(self.values),
            "scale": self._scale,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave.

        Raises:
            ValueError: it is of another size.
        """
        if state["spectrum"].shape != self._spectrum.shape:
            raise ValueError("the picture was begun in another size")
        with torch.no_grad():
            self._spectrum.copy_(state["spectrum"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self.values, self._scale = list(state["values"]), float(state["scale"])

    def _value(self, picture: Tensor, leak: float) -> tuple[Tensor, Tensor]:
        """What is climbed, and what the channel or class gives."""
        before, output, logits = self._forward(picture, leak)
        if output is None or before is None:
            logit = logits[0, self._excited.channel]
            return logit, logit.detach()
        given = _middle(output[0, self._excited.channel])
        return given + _BEFORE * _middle(before[0, self._excited.channel]), given.detach()

    def _forward(self, picture: Tensor, leak: float) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """The layer's map before its activation and behind it, or the logits."""
        inputs = _normalised(picture, self._network)
        found: list[Tensor] = []

        def hear(output: LayerOutput) -> None:
            if output.name == self._excited.layer:
                behind = output.values
                found.extend((output.channels_second(watched.before_of(output.tensor)), behind))
                raise _Heard

        with _BeforeActivations(leak) as watched:
            try:
                logits = observed_forward(self._network.module, inputs, hear)
            except _Heard:
                logits = inputs
        if self._excited.layer and (not found or not 0 <= self._excited.channel < found[1].shape[1]):
            raise AttributionError(
                f'This network has no channel {self._excited.channel} of a layer called "{self._excited.layer}".',
                next_step="Choose another.",
            )
        return (found[0], found[1], logits) if found else (None, None, logits)


class _BeforeActivations(TorchFunctionMode):
    """While it is entered, remembers what went into the last activation, which is kept from writing over it.

    Args:
        leak: is added to the slope of each activation; what it gives stays the same.
    """

    def __init__(self, leak: float) -> None:
        super().__init__()
        self._leak = leak
        self._last: tuple[Tensor, Tensor] | None = None

    def before_of(self, output: Tensor) -> Tensor:
        """What went into the activation that gave ``output``; itself where none did."""
        return self._last[0] if self._last is not None and self._last[1] is output else output

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation, an activation on a copy."""
        kwargs = kwargs or {}
        is_activation = getattr(func, "__name__", "").strip("_") in ACTIVATIONS
        if not is_activation or not args or not isinstance(args[0], Tensor):
            return func(*args, **kwargs)
        made = func(args[0].clone(), *args[1:], **kwargs)
        if not isinstance(made, Tensor):
            return made
        if self._leak:
            made = made + self._leak * (args[0] - args[0].detach())
        self._last = args[0], made
        return made


def _picture(spectrum: Tensor, input_size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) from 0 to 1: low frequencies weigh more, as in photographs."""
    height, width = input_size
    frequencies = torch.hypot(
        torch.fft.fftfreq(height, device=spectrum.device)[:, None],
        torch.fft.rfftfreq(width, device=spectrum.device)[None],
    )
    scale = 1 / frequencies.clamp(min=1 / max(height, width))
    planes = torch.fft.irfft2(torch.view_as_complex(spectrum) * scale, s=input_size, norm="ortho") / 4
    colours = torch.tensor(_COLOURS, device=spectrum.device)
    mixed = torch.einsum("chw,kc->khw", planes, colours / colours.norm(dim=0).max())
    return torch.sigmoid(mixed)[None]


def _moved(picture: Tensor, generator: torch.Generator) -> Tensor:
    """The picture a little turned, scaled and shifted, of the same size."""
    angle, scale, down, right = torch.rand(4, generator=generator).tolist()
    radians = np.deg2rad((2 * angle - 1) * _DEGREES)
    zoom = 1 / (_SCALES[0] + scale * (_SCALES[1] - _SCALES[0]))
    cosine, sine = float(np.cos(radians)) * zoom, float(np.sin(radians)) * zoom
    theta = torch.tensor(
        [[cosine, -sine, (2 * right - 1) * 2 * _JITTER], [sine, cosine, (2 * down - 1) * 2 * _JITTER]],
        device=picture.device,
    )
    grid = functional.affine_grid(theta[None], list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def _normalised(picture: Tensor, network: Network) -> Tensor:
    mean, deviation = (
        torch.tensor(each, device=picture.device).view(1, 3, 1, 1)
        for each in (network.preprocessing.mean, network.preprocessing.std)
    )
    if network.preprocessing.grayscale:
        picture = picture.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    return (picture - mean) / deviation


def _variation(picture: Tensor) -> Tensor:
    """Mean absolute difference between neighbours, downwards and across."""
    down = (picture[:, :, 1:] - picture[:, :, :-1]).abs().mean()
    return down + (picture[:, :, :, 1:] - picture[:, :, :, :-1]).abs().mean()


def _middle(places: Tensor) -> Tensor:
    """The mean over the middle third of a map; over all there is of anything else."""
    if places.ndim != 2:
        return places.mean()
    thirds = [slice(side // 3, max(side // 3 + 1, side - side // 3)) for side in places.shape]
    return places[thirds[0], thirds[1]].mean()
