"""Structured pruning: whole channels are taken out of every layer, the ones with the smallest norm."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from models.compress.channel_chains import chains_of, prune_chain
from models.compress.channel_strength import channel_strength
from models.compress.kept_channels import numbered_channels
from models.errors import CompressionError

TRANSFORMERS = ("vit_", "swin", "maxvit")
"""How the names of architectures begin whose channels are tied by attention; tracing them takes all memory there is."""
_SHUFFLES = "shufflenet"
OTHER_WAY = "Choose half precision or int8 for it."


def remove_channels(
    module: nn.Module, architecture: str, head: str, share: float, input_size: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Take the weakest channels out of every layer, in place; what hangs on one goes with it.

    Layers that are added to each other lose the same channels; `models.compress.channel_strength` says which are the
    weakest. In ShuffleNet the channels that are shuffled between blocks
    stay; those inside the blocks go.

    Args:
        module: a copy that nobody else has; it is traced by one forward pass through autograd.
        architecture: torchvision's name, or "small_cnn".
        head: dotted name of its last layer, which keeps its outputs.
        share: of each layer's channels that goes, 0..1.
        input_size: (height, width) of its input, pixels.

    Returns:
        The channels that stayed, as of `models.compress.kept_channels.numbered_channels`.

    Raises:
        CompressionError: its layers are tied in a way that cannot be followed.

    Source:
        Li et al. 2017, "Pruning filters for efficient ConvNets"; Fang et al. 2023, "DepGraph".
    """
    refuse_transformers(architecture)
    draws = torch.Generator().manual_seed(0)
    example = torch.randn(1, 3, *input_size, generator=draws).to(next(module.parameters()).device)
    module.eval().requires_grad_(True)
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with numbered_channels(module) as kept:
                if architecture.startswith(_SHUFFLES):
                    for chain in chains_of(module, head):
                        prune_chain(chain, share)
                else:
                    _prune(module, head, share, example)
        with torch.no_grad():
            module(example)
    except ImportError:  # that is a broken installation
        raise
    except Exception as error:  # its tracing raises whatever an architecture brings about
        raise not_prunable(architecture, str(error)) from error
    for weight in module.parameters():
        weight.grad = None
    return kept


def refuse_transformers(architecture: str) -> None:
    """Stop where channels are tied by attention.

    Args:
        architecture: torchvision's name.

    Raises:
        CompressionError: it is a transformer.
    """
    if architecture.startswith(TRANSFORMERS):
        raise CompressionError(
            f"Channels cannot be taken out of a {architecture}: attention ties all of them together.",
            next_step=OTHER_WAY,
        )


def _prune(module: nn.Module, head: str, share: float, example: torch.Tensor) -> None:
    import torch_pruning

    # fresh dictionaries: its defaults are shared by all calls, and would keep every network alive
    pruner = torch_pruning.BasePruner(
        module,
        example,
        importance=channel_strength(),
        pruning_ratio=share,
        ignored_layers=[module.get_submodule(head)],
        in_channel_groups={},
        out_channel_groups={},
        num_heads={},
    )
    pruner.step()


def not_prunable(architecture: str, reason: str) -> CompressionError:
    """The error for a network out of which no channels can be taken.

    Args:
        architecture: of the network.
        reason: what the library or torch says.
    """
    lines = reason.strip().splitlines()
    why = f" ({lines[-1].strip()[:160]})" if lines else ""
    return CompressionError(
        f"Channels cannot be taken out of this {architecture}: its layers are tied in ways that cannot be followed{why}.",
        next_step=OTHER_WAY,
    )
