"""What the weights of each layer look like, without any image: sizes, zeros, spectral norms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.layers.weight_record import BINS, Filters, LayerWeights
from models.network import Network

NEAR_ZERO = 0.01
FAINT = 0.01
MOST_FILTERS = 256
_SPREAD = 4.0
_BLOCK = 2**22
"""Weights looked at at once: a dense layer of 400 MB is never copied as a whole."""
_SMALL = 256
_MOST_STEPS, _TOLERANCE = 160, 1e-6
_END = 1e-4
"""Beside the largest value, below this nothing of the matrix is left to be seen (its rank is low), only rounding."""


@dataclass(frozen=True, eq=False)
class WeightedLayer:
    """A layer's weight where it lies, not copied.

    Args:
        name: dotted.
        kind: class of the module that owns it.
        weight: (out, in, ...).
        groups: of a convolution.
        norm_scale: (out,) by how much the batch norm behind it multiplies each channel, or None.
        norm_weight: (out,) that norm's learned scale, or None.
    """

    name: str
    kind: str
    weight: Tensor
    groups: int = 1
    norm_scale: Tensor | None = None
    norm_weight: Tensor | None = None


def weighted_layers(network: Network) -> Iterator[WeightedLayer]:
    """The convolutions and linear maps of a network, in the order in which they are defined; a shared weight once.

    Tables of positions and the like, which are no maps of what the layer gets, are left out. Of a weight called
    otherwise than "weight" (an attention's ``in_proj_weight``), the layer's name goes on with its own.

    Args:
        network: any; of programs the weights are read as well.
    """
    modules = list(network.module.named_modules())
    seen: set[int] = set()
    for place, (name, owner) in enumerate(modules):
        behind = modules[place + 1][1] if place + 1 < len(modules) else None
        for own, weight in owner.named_parameters(recurse=False):
            if _is_map(own, weight) and id(weight) not in seen:
                seen.add(id(weight))
                full = name if own == "weight" else f"{name}.{own}"
                yield _layer(_plain_name(full, network), owner, weight.detach(), behind)


def _is_map(own: str, weight: Tensor) -> bool:
    return weight.ndim > 1 and weight.is_floating_point() and own.endswith("weight")


def _plain_name(name: str, network: Network) -> str:
    """A program stands within a module of our own."""
    return (name if network.kind == "state_dict" else name.removeprefix("inner")).lstrip(".")


def _layer(name: str, owner: nn.Module, weight: Tensor, behind: nn.Module | None) -> WeightedLayer:
    usual = {4: "Conv2d", 2: "Linear"}.get(weight.ndim, "Module")
    kind = str(getattr(owner, "original_name", type(owner).__name__))
    groups = getattr(owner, "groups", None)
    if not isinstance(groups, int):  # a traced program does not say
        groups = len(weight) if weight.ndim == 4 and weight.shape[1] == 1 and weight.shape[2] > 1 else 1
    scales = _norm_scales(behind, len(weight))
    return WeightedLayer(
        name=name,
        kind=kind if kind not in ("Module", "InterpreterModule") else usual,
        weight=weight,
        groups=groups if len(weight) % groups == 0 else 1,
        norm_weight=scales[0] if scales else None,
        norm_scale=scales[1] if scales else None,
    )


def _norm_scales(behind: nn.Module | None, n_channels: int) -> tuple[Tensor, Tensor] | None:
    """The learned scale and the whole factor of the batch norm that is defined right after a layer."""
    weight, variance = getattr(behind, "weight", None), getattr(behind, "running_var", None)
    if not isinstance(weight, Tensor) or not isinstance(variance, Tensor) or len(weight) != n_channels:
        return None
    epsilon = getattr(behind, "eps", 1e-5)
    known = weight.detach().float().cpu()
    return known, known / (variance.float().cpu() + float(epsilon)).sqrt()


def layer_statistics(layer: WeightedLayer) -> LayerWeights:
    """The statistics of one layer. Memory: some blocks of four million weights beside the layer.

    Source:
        Y. Yoshida, T. Miyato, Spectral Norm Regularization for Improving the Generalizability of Deep Learning (2017),
        for a convolution's weight as a matrix; M. Rudelson, R. Vershynin (2007) for the stable rank.
    """
    flat = layer.weight.reshape(len(layer.weight), -1)
    n_odd = sum(int((~torch.isfinite(block)).sum()) for block in _blocks(flat))
    if n_odd:
        flat = torch.nan_to_num(flat, 0.0, 0.0, 0.0)
    norm = sum(float(block.double().square().sum()) for block in _blocks(flat)) ** 0.5
    rms = norm / max(1, flat.numel()) ** 0.5
    near = sum(int((block.abs() < NEAR_ZERO * rms).sum()) for block in _blocks(flat)) if rms else flat.numel()
    spectral = grouped_spectral_norm(flat, layer.groups)
    scale = layer.norm_scale if layer.norm_scale is not None and layer.norm_scale.isfinite().all() else None
    empty, faint = _silent_channels(flat, layer.norm_weight, scale)
    end = _SPREAD * rms or 1.0
    return LayerWeights(
        name=layer.name,
        kind=layer.kind,
        shape=tuple(layer.weight.shape),
        groups=layer.groups,
        n_weights=flat.numel(),
        norm=norm,
        rms=rms,
        near_zero=near / max(1, flat.numel()),
        exact_zero=sum(int((block == 0).sum()) for block in _blocks(flat)) / max(1, flat.numel()),
        spectral_norm=spectral,
        gain=spectral
        if scale is None
        else grouped_spectral_norm(flat.float().cpu() * scale[:, None], layer.groups),
        stable_rank=(norm / spectral) ** 2 if spectral else 0.0,
        has_norm=layer.norm_scale is not None,
        empty_channels=empty,
        faint_channels=faint,
        n_odd=n_odd,
        counts=_histogram(flat, end),
        end=end,
    )


def _blocks(flat: Tensor) -> Iterator[Tensor]:
    """(M, N) as float32 rows on the processor, four million weights at a time."""
    rows = max(1, _BLOCK // max(1, flat.shape[1]))
    for block in torch.split(flat, rows):
        yield block.float().cpu()


def _silent_channels(
    flat: Tensor, norm_weight: Tensor | None, norm_scale: Tensor | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The channels whose weights are 0, and those whose weights are next to nothing beside the strongest."""
    strength = torch.cat([torch.linalg.vector_norm(block, dim=1) for block in _blocks(flat)])
    empty = strength == 0
    if norm_weight is not None:
        empty |= norm_weight == 0
    if norm_scale is not None:
        strength = strength * norm_scale.abs()
    faint = ~empty & (strength < FAINT * strength.max())
    return tuple(torch.nonzero(empty).flatten().tolist()), tuple(torch.nonzero(faint).flatten().tolist())


def _histogram(flat: Tensor, end: float) -> tuple[int, ...]:
    counts = sum(
        (torch.histc(block.clamp(-end, end), BINS, -end, end).double() for block in _blocks(flat)),
        torch.zeros(BINS),
    )
    return tuple(int(each) for each in counts.tolist())


def grouped_spectral_norm(flat: Tensor, groups: int) -> float:
    """The spectral norm of a convolution whose groups do not see each other: that of the strongest group.

    Args:
        flat: (out, in / groups, ...) as a matrix; finite.
        groups: how many.
    """
    if groups == len(flat):
        return max(float(torch.linalg.vector_norm(block, dim=1).max()) for block in _blocks(flat))
    return max(spectral_norm(part.float().cpu()) for part in flat.chunk(groups))


def spectral_norm(matrix: Tensor) -> float:
    """The largest singular value of a matrix.

    Exactly where one side is small, else by Lanczos' bidiagonalisation, to about a hundred-thousandth. Copies nothing.

    Args:
        matrix: (M, N) float32, finite.

    Source:
        G. Golub, W. Kahan, Calculating the Singular Values and Pseudo-Inverse of a Matrix (1965).

    >>> round(spectral_norm(torch.diag(torch.tensor([3.0, 4.0]))), 3)
    4.0
    """
    if min(matrix.shape) <= _SMALL:
        small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        return float(torch.linalg.eigvalsh(small.double())[-1].clamp(min=0).sqrt())
    return _by_lanczos(matrix)


def _by_lanczos(matrix: Tensor) -> float:
    start = torch.randn(matrix.shape[1], generator=torch.Generator().manual_seed(0))
    basis = torch.nn.functional.normalize(start, dim=0)[None]
    image = matrix @ basis[0]
    diagonal, beside, found = [float(torch.linalg.vector_norm(image))], list[float](), 0.0
    for step in range(1, min(_MOST_STEPS, *matrix.shape)):
        if diagonal[-1] <= _END * max(diagonal):
            break
        image = image / diagonal[-1]
        direction = matrix.T @ image
        for _ in range(2):  # once is not enough in float32
            direction = direction - basis.T @ (basis @ direction)
        length = float(torch.linalg.vector_norm(direction))
        if length <= _END * max(diagonal):
            break
        basis = torch.cat([basis, (direction / length)[None]])
        image = matrix @ basis[-1] - length * image
        beside.append(length)
        diagonal.append(float(torch.linalg.vector_norm(image)))
        if step % 8 == 0:
            former, found = found, _largest(diagonal, beside)
            if found - former <= _TOLERANCE * found:
                return found
    return _largest(diagonal, beside)


def _largest(diagonal: list[float], beside: list[float]) -> float:
    bidiagonal = np.diag(diagonal) + np.diag(beside, 1)
    return float(np.linalg.svd(bidiagonal, compute_uv=False)[0])


def first_filters(network: Network, most: int = MOST_FILTERS) -> Filters | None:
    """The filters of the first convolution over a colour picture; None where no layer takes three channels.

    Args:
        network: any, programs too.
        most: filters to return.
    """
    for layer in weighted_layers(network):
        if layer.weight.ndim == 4 and layer.weight.shape[1] == 3 and layer.groups == 1:
            filters = torch.nan_to_num(layer.weight[:most].float().cpu(), 0.0, 0.0, 0.0)
            largest = filters.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
            pictures = (128 + 127 * filters / largest).round().permute(0, 2, 3, 1).to(torch.uint8)
            return Filters(layer.name, pictures.numpy(), len(layer.weight))
    return None
