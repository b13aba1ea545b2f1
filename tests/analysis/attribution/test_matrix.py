"""Every method on every family: right, not merely running.

What the method's own definition promises is asserted on each network: sums, identities, dependence on the
class and the image, and that nothing stays behind. What other libraries compute is compared in the tests
of each family of methods, on the networks where those libraries are right.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.stats import spearmanr

from analysis.attribution import METHODS, Contrast, Target, attributions
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.fast import FAST
from tests.models.calibrated import images

Watch = Callable[[Network], None]
Maps = list[npt.NDArray[np.float32]]

SAME_FOR_ALL_CLASSES = {"eigen_cam", "attention_rollout"}
ONLY_TRANSFORMERS = {"attention_rollout"}
ONLY_RECTIFIERS = {"mobilenet_v2", "mnasnet0_5"}
"""Convolutions, batch-norm and ReLU alone: no max-pooling, gates or attention."""
COMPLETENESS = {"deep_lift": 1e-4, "kernel_shap": 1e-3}
"""Largest error of the promised sum, as a share of the largest promised sum of the three targets."""
LINEAR = {
    *("gradient", "input_x_gradient", "integrated_gradients", "gradient_shap", "deep_lift"),
    *("occlusion", "feature_ablation", "kernel_shap"),
}
"""Where the map of "a rather than b" is that of a less that of b."""
NOT_THE_GRADIENT = {"guided_backprop", "deconvolution", "deep_lift", "lrp", "integrated_gradients"}


def input_gradient(network: Network, inputs: torch.Tensor, target: int) -> torch.Tensor:
    leaf = inputs.clone().requires_grad_()
    gradient: torch.Tensor = torch.autograd.grad(network.module(leaf)[0, target], leaf)[0][0]
    return gradient


IDENTITIES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "gradient": lambda gradient, inputs: gradient.sum(0),
    "saliency": lambda gradient, inputs: gradient.abs().amax(0),
    "input_x_gradient": lambda gradient, inputs: (gradient * inputs[0]).sum(0),
}


def found(network: Network, inputs: torch.Tensor, method: str, targets: Sequence[Target]) -> tuple[Any, Maps]:
    answers = attributions(network, inputs, targets, method, **FAST.get(method, {}))
    return answers, [each.relevance for each in answers]


def alike(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    """Equal but for rounding, whatever their scale."""
    return bool(np.allclose(one, other, rtol=0, atol=1e-4 * max(np.abs(one).max(), np.abs(other).max())))


@pytest.mark.parametrize("method", METHODS)
def test_the_method_keeps_its_word(family: Network, method: str, nothing_left: Watch) -> None:
    inputs = images(family.architecture)
    nothing_left(family)
    with torch.no_grad():
        before = family.module(inputs)
    # The two best: SqueezeNet's last ReLU leaves classes without any gradient.
    first, second = before[0].topk(2).indices.tolist()
    targets = (first, second, Contrast(first, second))
    if method in ONLY_TRANSFORMERS and family.architecture != "vit_b_16":
        with pytest.raises(AttributionError) as caught:
            found(family, inputs, method, targets)
        assert caught.value.next_step
        return
    answers, maps = found(family, inputs, method, targets)
    with torch.no_grad():
        assert torch.equal(family.module(inputs), before)
    for relevance in maps:
        assert relevance.shape == tuple(inputs.shape[2:]) and np.isfinite(relevance).all()
    # A ReLU may leave the map of one class empty, but never that of both a class and its opposite.
    assert sum(float(relevance.std()) > 0 for relevance in maps) >= 2
    assert alike(maps[0], maps[1]) == (method in SAME_FOR_ALL_CLASSES)
    if METHODS[method].cost == "instant":
        _, (other,) = found(family, images(family.architecture, seed=4), method, targets[2:])
        # The ReLU's own input plays no part in Deconvolution, so only other operations tell images apart.
        hangs = method != "deconvolution" or family.architecture not in ONLY_RECTIFIERS
        assert alike(maps[2], other) != hangs
    if method in LINEAR:
        assert alike(maps[0] - maps[1], maps[2])
    _check_sums(method, answers)
    if method in IDENTITIES:
        expected = IDENTITIES[method](input_gradient(family, inputs, first), inputs).numpy()
        np.testing.assert_allclose(maps[0], expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    if method in NOT_THE_GRADIENT:
        gradient = input_gradient(family, inputs, first)
        for plain in (gradient.sum(0), (gradient * inputs[0]).sum(0)):
            assert spearmanr(maps[0].ravel(), plain.numpy().ravel()).statistic < 0.98


def _check_sums(method: str, answers: Any) -> None:
    promised = [each.expected_sum for each in answers]
    if not METHODS[method].promise:
        assert promised == [None] * len(answers)
        return
    assert promised[0] - promised[1] == pytest.approx(promised[2], abs=1e-3 * max(map(abs, promised)))
    if method not in COMPLETENESS:
        return
    for each in answers:
        error = abs(float(each.relevance.sum(dtype=np.float64)) - each.expected_sum)
        assert error < COMPLETENESS[method] * max(map(abs, promised))
