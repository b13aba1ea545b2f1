"""Opening the files of networks that torchvision alone cannot rebuild, by the plan that was saved with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from models.architecture_table import architectures
from models.architectures import key_differences, shown
from models.errors import WeightsMismatch
from models.finetune.heads import dropout_before, with_new_head
from models.finetune.small_cnn import ARCHITECTURE as SMALL_CNN
from models.finetune.small_cnn import HEAD, PREPROCESSING, WIDTH, SmallCnn
from models.layer_shapes import check_runs, make_narrower
from models.meta_modules import OnMeta, built_on_meta
from models.own_networks import PLAN_KEY, NetworkPlan, plan_refusal
from models.preprocessing import Preprocessing, default_preprocessing

_USUAL_SIDE = 299
"""Of the image that tries a narrower network: each architecture takes it."""


def module_on_meta(plan: NetworkPlan) -> tuple[nn.Module, str]:
    """The network without memory for its weights.

    Args:
        plan: how it is built.

    Returns:
        The module on the meta device, and the dotted name of its last layer.
    """
    if plan.architecture == SMALL_CNN:
        head = HEAD
        with OnMeta():
            module: nn.Module = SmallCnn(plan.n_classes, plan.dropout, plan.width or WIDTH)
    else:
        head = architectures()[plan.architecture].head
        module = built_on_meta(plan.architecture, image_size=plan.image_size)
    # a linear head keeps its name only where no dropout of its own stands before it
    dropout = plan.dropout if plan.hidden or dropout_before(module, head) is not None else 0.0
    with OnMeta():
        module, head = with_new_head(
            module, head, plan.n_classes, hidden=plan.hidden, dropout=dropout, seed=0
        )
    if plan.shapes:
        make_narrower(module, dict(plan.shapes))
        check_runs(module, plan.image_size or _USUAL_SIDE)
    return module, head


def plan_in(metadata: Mapping[str, Any]) -> NetworkPlan | None:
    """The plan that was saved with some weights, or None where there is none.

    Args:
        metadata: plain data from inside the file.

    Raises:
        CheckpointError: it makes no sense.
    """
    found = metadata.get(PLAN_KEY)
    if isinstance(found, str):  # safetensors keep texts only
        try:
            found = json.loads(found)
        except ValueError as error:
            raise plan_refusal("whole", found) from error
    return None if found is None else NetworkPlan.from_json(found)


def check_fit(
    path: Path, plan: NetworkPlan, module: nn.Module, tensors: Mapping[str, Tensor], architecture: str | None
) -> None:
    """Make sure that a file's weights are exactly those of its plan.

    Args:
        path: the file.
        plan: the one in it.
        module: built from the plan.
        tensors: the file's weights.
        architecture: the person's choice, or None.

    Raises:
        WeightsMismatch: some are missing, unknown or of another shape, or the person chose another architecture.
    """
    if architecture not in (None, plan.architecture):
        raise WeightsMismatch(
            f"{path.name} holds a {plan.architecture}, not a {architecture}.",
            next_step="Leave the choice to Errorscope.",
        )
    shapes = {key: tuple(weight.shape) for key, weight in tensors.items()}
    found = key_differences(module, shapes, "its plan")
    if found.differences:
        missing, extra, misshaped = found.missing, found.extra, found.misshaped
        raise WeightsMismatch(
            f"The weights in {path.name} are not those of the network that its plan describes "
            f"({len(missing)} missing, {len(extra)} extra, {len(misshaped)} of another shape: "
            f"{shown([*missing, *extra, *misshaped])}).",
            **vars(found),
            next_step="Open the file as it was saved.",
        )


def own_preprocessing(plan: NetworkPlan) -> Preprocessing:
    """What a network is fed with when its file does not say."""
    if plan.architecture == SMALL_CNN:
        return PREPROCESSING
    return default_preprocessing(plan.architecture, plan.image_size)
