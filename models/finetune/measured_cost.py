"""Measuring what a training takes for each image, on the network that it would start from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter, thread_time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.cores import use_background_threads
from models.devices import checked_device, moved
from models.evaluation import images_of
from models.finetune.cost import NUMBER, PhaseCost, TrainingCost
from models.finetune.cut import cut_before
from models.finetune.phases import planned
from models.finetune.spec import FinetuneSpec
from models.finetune.stages import Stage, stages
from models.finetune.starting_network import StartingNetwork, starting_network
from models.norm_statistics import norm_statistics

IMAGES = 4
"""Of the batch that is tried."""
_TRIES = 3


def training_cost(spec: FinetuneSpec) -> TrainingCost:
    """Open the network that a training would start from, and try each of its phases on a few blank images.

    Nothing of it is kept; takes about a second for a large network.

    Args:
        spec: the fine-tuning's. Numbers of epochs and images do not matter, but for those of the head alone.

    Raises:
        ErrorscopeError: the network cannot be opened or trained.
    """
    use_background_threads()  # as the training will
    start = starting_network(spec, images_of(spec.start))
    device = checked_device(None)
    module = moved(start.module, str(device))
    found = stages(module, start.head, start.input_size)
    example = torch.zeros(IMAGES, 3, *start.input_size, device=device)
    keeps = spec.recipe.keeps_features(is_augmented=bool(spec.augmentation))
    plan = planned(spec.recipe, found, start.has_new_head)
    phases = [
        _phase_cost(start, name, epochs, learning, example, keeps=keeps) for name, epochs, learning in plan
    ]
    norms = norm_statistics(each for stage in plan[-1][2] for each in stage.training_modules)
    n_weights = sum(weight.numel() for weight in module.parameters())
    return TrainingCost(n_weights, tuple(phases), start.has_new_head, norms)


def _phase_cost(
    start: StartingNetwork, name: str, epochs: int, learning: Sequence[Stage], example: Tensor, *, keeps: bool
) -> PhaseCost:
    modules = [each for stage in learning for each in stage.training_modules]
    cut = cut_before(start.module, modules, example) if keeps else None
    forward: nn.Module = start.module if cut is None else cut.suffix
    with torch.no_grad():
        given = example if cut is None else cut.prefix(example)
        kept = 0.0 if cut is None else _seconds(lambda: cut.prefix(example), example.device)
        look = _seconds(lambda: forward(given), example.device)
    weights = [weight for stage in learning for weight in stage.parameters]
    step, taken = _step(start.module, forward, given, weights)
    return PhaseCost(
        name=name,
        epochs=epochs,
        n_trained=sum(stage.n_weights for stage in learning),
        stages=tuple(stage.name for stage in learning),
        bytes_kept=0 if cut is None else NUMBER * math.prod(cut.shape),
        seconds_kept=kept,
        seconds_step=step,
        seconds_look=look,
        bytes_step=taken,
    )


def _step(
    module: nn.Module, forward: nn.Module, given: Tensor, weights: Sequence[nn.Parameter]
) -> tuple[float, int]:
    """Seconds and bytes of memory that learning from an image takes: forward, backward, what is kept between."""
    flags = [(weight, weight.requires_grad) for weight in module.parameters()]
    sizes: dict[int, int] = {}
    own = {weight.data_ptr() for weight, _ in flags}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    def run() -> None:
        logits = forward(given)
        labels = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        torch.autograd.grad(F.cross_entropy(logits, labels), list(weights), allow_unused=True)

    try:
        for weight, _ in flags:
            weight.requires_grad_(False)
        for weight in weights:
            weight.requires_grad_(True)
        # The network stays in evaluation mode: its statistics must not move, and the cost is about the same.
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            run()
        with torch.enable_grad():
            return _seconds(run, given.device), sum(sizes.values()) // len(given)
    finally:
        for weight, flag in flags:
            weight.requires_grad_(flag)


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    """Seconds for one image of a batch; the quickest try counts.

    On a processor those that this thread itself worked: what else the machine does now will have ended then.
    """
    is_processor = device.type == "cpu"
    clock = thread_time if is_processor else perf_counter
    best = math.inf
    for _ in range(_TRIES):
        begun = clock()
        run()
        if not is_processor:
            torch.zeros(1, device=device).item()  # waits for all that was asked of it
        best = min(best, clock() - begun)
    return best / IMAGES
