"""In which precision a network is trained: half of it where the device is faster so, and loses nothing that matters."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


class Precision:
    """Mixed precision on one device, where it was asked for and the device has it.

    Args:
        device: where the network is trained.
        wanted: whether mixed precision was asked for.

    Attributes:
        dtype: what convolutions and products are computed in; None is plain single precision.
        scaler: keeps small gradients of float16 from vanishing; disabled elsewhere.
    """

    def __init__(self, device: torch.device, wanted: bool) -> None:
        self.device = device
        self.dtype = half_type(device) if wanted else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype is torch.float16)
        self._is_missed = wanted and self.dtype is None

    def forward(self) -> AbstractContextManager[object]:
        """What the forward pass runs in; this thread alone is concerned."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @property
    def sentence(self) -> str:
        """What to say of it in the diary, or ""."""
        if self._is_missed:
            return f"Mixed precision was asked for; this device ({self.device}) would not be faster with it, so single precision is used."
        return f"Trains in mixed precision ({str(self.dtype).removeprefix('torch.')})." if self.dtype else ""


def half_type(device: torch.device) -> torch.dtype | None:
    """The type of half precision that a device computes faster than single precision, or None.

    Args:
        device: a graphics card of NVIDIA: bfloat16 where it has it, else float16. A processor: bfloat16, only with the
            instructions for it (AVX512-BF16 or AMX); without them it would be slower. Others: none.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and processor_has_bfloat16() else None


def processor_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware."""
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))
