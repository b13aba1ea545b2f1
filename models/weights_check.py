"""Whether tensors are sound weights: floating point, finite, neither quantised, pruned nor foreign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from models.architecture_table import COUNTER
from models.architectures import shown
from models.errors import CheckpointError

_INDICES = (COUNTER, "relative_position_index")

_SIGNS = (
    (
        re.compile(r"(_packed_params|\.zero_point|\.scale)$|\.zero_point\.|_packed_params\."),
        "They are quantised.",
        "Open the checkpoint from before quantisation.",
    ),
    (
        re.compile(r"_(orig|mask)$"),
        "They still carry the masks of pruning.",
        "Call torch.nn.utils.prune.remove on the pruned layers and save again.",
    ),
    (
        re.compile(r"\.parametrizations\.|weight_[gv]$"),
        "They are parametrised (weight norm or the like).",
        "Call torch.nn.utils.parametrize.remove_parametrizations and save again.",
    ),
    (
        re.compile(r"lora_[AB]|adapter"),
        "They are a small addition (LoRA or an adapter) to a network that is not in the file.",
        "Merge the addition into its network and save that.",
    ),
    (
        re.compile(r"^(rpn|roi_heads|backbone\.body)\.|(^|\.)(head\.classification_head|anchor)"),
        "They belong to an object detector.",
        "Choose the checkpoint of a classifier.",
    ),
    (
        re.compile(r"^(\w+\.)?(embeddings\.(patch_embeddings|cls_token)|embedder\.|encoder\.(layer|stages)\.\d)"),
        "They look like a network of Hugging Face transformers.",
        "Save it as a program: torch.jit.trace(model, example) or torch.export.",
    ),
    (
        re.compile(r"^(blocks\.\d+(\.\d+)?\.(attn\.qkv|conv_dw|conv_pw|bn1)|cls_token$|patch_embed\.proj|conv_stem|stages\.\d)"),
        "They look like a network of timm.",
        "Save it as a program: torch.jit.trace(model, example) or torch.export.",
    ),
)  # fmt: skip


def foreign_sign(keys: Iterable[str]) -> tuple[str, str] | None:
    """What the names of the keys say of where they come from.

    Args:
        keys: names of weights that no architecture has.

    Returns:
        A sentence, and what to do; None where nothing is known of them.
    """
    names = list(keys)
    for pattern, words, step in _SIGNS:
        if any(pattern.search(name) for name in names):
            return words, step
    return None


def check_kinds(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are no plain floating-point numbers.

    Raises:
        CheckpointError: some are quantised, sparse, whole numbers or complex.
    """
    for words, keys in (
        ("quantised", [key for key, each in tensors.items() if each.is_quantized]),
        ("sparse", [key for key, each in tensors.items() if each.layout is not torch.strided]),
        ("whole numbers", [key for key, each in tensors.items() if not _may_be_weight(key, each)]),
    ):
        if keys:
            types = sorted({str(tensors[key].dtype).removeprefix("torch.") for key in keys})
            raise CheckpointError(
                f"{len(keys)} weights are {words} ({', '.join(types)}): {shown(keys)}.",
                next_step="Save the checkpoint in float32 or float16, from before quantisation.",
            )


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        CheckpointError: some are; they are named.
    """
    broken = [key for key, each in tensors.items() if each.numel() and not _is_finite(each)]
    if broken:
        raise CheckpointError(
            f"{len(broken)} of {len(tensors)} weights hold NaN or infinite values: {shown(broken)}.",
            next_step="Training diverged before this was saved: choose an earlier checkpoint.",
        )


def _is_finite(tensor: Tensor) -> bool:
    # smallest and largest are NaN if any value is, and need no copy of a large tensor
    return all(bool(torch.isfinite(each)) for each in torch.aminmax(tensor))


def _may_be_weight(key: str, tensor: Tensor) -> bool:
    return tensor.is_floating_point() or (key.endswith(_INDICES) and not tensor.is_complex())
