"""Networks of our own (a small CNN, heads with hidden layers) are explained as any other, straight from their file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.attribution import METHODS, attributions
from models.checkpoint import load_checkpoint
from models.finetune.heads import with_new_head
from models.finetune.small_cnn import HEAD, small_cnn
from models.network import Network
from models.own_networks import checkpoint_content, plan_of_module
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tests.analysis.attribution.fast import FAST
from tests.models.families import fresh

SIDE = 64
NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module", params=["small_cnn", "shufflenet_v2_x0_5"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Network:
    name = request.param
    module, head = (small_cnn(4, 0.3), HEAD) if name == "small_cnn" else (fresh(name), "fc")
    module, head = with_new_head(module, head, 4, hidden=(16,), dropout=0.3, seed=1)
    file: Path = tmp_path_factory.mktemp("network") / "weights.pth"
    preprocessing = Preprocessing(SIDE, SIDE, IMAGENET_MEAN, IMAGENET_STD)
    torch.save(checkpoint_content(module, plan_of_module(module, name, head, 4), NAMES, preprocessing), file)
    return load_checkpoint(file)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "attention_rollout"])
def test_every_method_answers(network: Network, method: str, nothing_left: Callable[[Network], None]) -> None:
    nothing_left(network)
    image = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = network.module(image)[0].topk(2).indices.tolist()
    maps = [
        each.relevance
        for each in attributions(network, image, [first, second], method, **FAST.get(method, {}))
    ]
    for relevance in maps:
        assert relevance.shape == (SIDE, SIDE)
        assert np.isfinite(relevance).all()
        assert np.ptp(relevance) > 0
    if method != "eigen_cam":
        assert not np.allclose(maps[0], maps[1], rtol=0, atol=1e-6 * np.abs(maps[0]).max())
