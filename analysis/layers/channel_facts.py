"""What is gathered of each channel of a layer while images go by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from analysis.layers.scan_record import PEAKS


class ChannelFacts:
    """Range, mean, activity and greatest excitations of the channels of one layer.

    Args:
        n_channels: D.
    """

    def __init__(self, n_channels: int) -> None:
        self.low = torch.full((n_channels,), torch.inf)
        self.high = torch.full((n_channels,), -torch.inf)
        self.total = torch.zeros(n_channels, dtype=torch.float64)
        self.above_zero = torch.zeros(n_channels, dtype=torch.float64)
        self.n_values = 0
        self.peak_values = torch.full((n_channels, PEAKS), -torch.inf)
        self.peak_means = torch.full((n_channels, PEAKS), -torch.inf)
        self.peak_images = torch.full((n_channels, PEAKS), -1, dtype=torch.int64)
        self.peak_places = torch.zeros((n_channels, PEAKS, 2), dtype=torch.int64)

    def add(self, values: Tensor, rows: Tensor) -> Tensor:
        """Take in what a layer gave for some images.

        Args:
            values: (B, D, ...) with places behind the channels, or none.
            rows: (B,) which images they are.

        Returns:
            (B, D) the mean over places.
        """
        width = values.shape[-1] if values.ndim == 4 else 1
        flat = values.detach().flatten(2) if values.ndim > 2 else values.detach()[..., None]
        highest, at = flat.max(2)
        self.low = torch.minimum(self.low, flat.amin((0, 2)).float().cpu())
        self.high = torch.maximum(self.high, highest.amax(0).float().cpu())
        means = flat.mean(2)
        self.total += means.sum(0).double().cpu() * flat.shape[2]
        self.above_zero += (flat > 0).sum((0, 2)).double().cpu()
        self.n_values += flat.shape[0] * flat.shape[2]
        self._peaks(highest.float().cpu(), means.float().cpu(), at.cpu(), rows, width)
        return means

    def _peaks(self, highest: Tensor, means: Tensor, at: Tensor, rows: Tensor, width: int) -> None:
        places = torch.stack([at // width, at % width], -1)
        values = torch.cat([self.peak_values, highest.T], 1)
        all_means = torch.cat([self.peak_means, means.T], 1)
        images = torch.cat([self.peak_images, rows.expand(highest.shape[1], -1)], 1)
        where = torch.cat([self.peak_places, places.transpose(0, 1)], 1)
        # where an activation ends at a limit, many images reach it: the one that does in most places comes first
        by_mean = all_means.argsort(dim=1, descending=True, stable=True)
        by_value = values.gather(1, by_mean).argsort(dim=1, descending=True, stable=True)
        order = by_mean.gather(1, by_value)[:, :PEAKS]
        self.peak_values, self.peak_means = values.gather(1, order), all_means.gather(1, order)
        self.peak_images = images.gather(1, order)
        self.peak_places = where.gather(1, order[..., None].expand(-1, -1, 2))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What was gathered, as `LayerScan` names it."""
        n = max(1, self.n_values)
        return {
            "low": self.low.numpy(),
            "high": self.high.numpy(),
            "mean": (self.total / n).float().numpy(),
            "active": (self.above_zero / n).float().numpy(),
            "peak_values": self.peak_values.numpy(),
            "peak_images": self.peak_images.numpy().astype(np.int32),
            "peak_places": self.peak_places.numpy().astype(np.int32),
        }

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes, for a file."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        vars(self).update(state)
