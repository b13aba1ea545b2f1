"""Pictures that excite: planted detectors get what they were made for, and the sample network its class."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn

from analysis.layers.excitation import Climb
from analysis.layers.excitation_job import excitation_steps
from analysis.layers.excitation_record import (
    ExcitationSpec,
    Excited,
    excitations_folder,
    next_seed,
    saved_excitations,
)
from models.errors import AttributionError, JobError
from models.evaluation_spec import EvaluationSpec
from models.job_context import JobContext
from models.network import Network
from models.predictions import Predictions
from models.preprocessing import Preprocessing
from models.store import Store
from tests.analysis.evaluated import driven

SIDE = 48
RED, ACROSS, DOWN, SHY = range(4)
Picture = npt.NDArray[np.float32]


class Planted(nn.Module):
    """Channels that look for red, for stripes from left to right, for stripes from top to bottom, and a shy one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.head = (
            nn.Conv2d(3, 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Linear(4, 2),
        )
        edge = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
        with torch.no_grad():
            self.conv.weight.zero_()
            assert self.conv.bias is not None
            self.conv.bias.zero_()
            self.conv.weight[RED, :, 1, 1] = torch.tensor([1.0, -0.5, -0.5])
            self.conv.weight[ACROSS] = edge
            self.conv.weight[DOWN] = edge.T
            # silent for whatever is not very green: behind its activation there is no slope to climb
            self.conv.weight[SHY, 1, 1, 1] = 1.0
            self.conv.bias[SHY] = -1.5
            self.head.weight[:] = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.relu(self.conv(x)).mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def planted() -> Network:
    torch.manual_seed(0)
    preprocessing = Preprocessing(SIDE, SIDE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return Network(
        module=Planted().eval(), class_names=("red", "other"), preprocessing=preprocessing, architecture="planted",
        fingerprint="planted", path=Path("planted.pth"), head="head",
    )  # fmt: skip


def climbed(network: Network, excited: Excited, steps: int = 60, seed: int = 0) -> Climb:
    climb = Climb(network, excited, network.preprocessing.usual_size(), seed)
    for _ in range(steps):
        climb.step()
    return climb


def middle(picture: Picture) -> Picture:
    third = len(picture) // 3
    return picture[third:-third, third:-third]


def changes(picture: Picture) -> tuple[float, float]:
    """How much it changes from left to right and from top to bottom."""
    grey = middle(picture).mean(2)
    return float(np.abs(np.diff(grey, axis=1)).mean()), float(np.abs(np.diff(grey, axis=0)).mean())


def test_a_detector_of_red_gets_red(planted: Network) -> None:
    climb = climbed(planted, Excited("conv", RED), 120)
    red, green, blue = middle(climb.picture()).mean((0, 1))
    assert red > 0.65 and max(green, blue) < 0.2
    assert np.mean(climb.values[-10:]) > 3 * np.mean(climb.values[:3])


@pytest.mark.parametrize(("channel", "across"), [(ACROSS, True), (DOWN, False)])
def test_a_detector_of_stripes_gets_stripes_of_its_direction(
    planted: Network, channel: int, across: bool
) -> None:
    along, over = changes(climbed(planted, Excited("conv", channel), 120).picture())
    assert along > 1.6 * over if across else over > 1.6 * along


def test_a_channel_that_is_silent_for_noise_wakes(planted: Network) -> None:
    climb = climbed(planted, Excited("conv", SHY))
    assert climb.values[0] < 0.05
    assert climb.values[-1] > 0.2
    assert middle(climb.picture())[..., 1].mean() > 0.9


def test_a_class_gets_what_raises_its_logit(planted: Network) -> None:
    climb = climbed(planted, Excited("", 0), 120)
    assert climb.values[-1] > climb.values[0] + 1
    assert climb.picture()[..., 0].mean() > climb.picture()[..., 1:].mean() + 0.2


def test_a_seed_gives_the_same_picture_and_another_one_another(planted: Network) -> None:
    first, again, other = (climbed(planted, Excited("conv", ACROSS), 8, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.picture(), again.picture()) and first.values == again.values
    assert not np.array_equal(first.picture(), other.picture())


def test_a_climb_goes_on_from_where_it_stood(planted: Network) -> None:
    whole = climbed(planted, Excited("conv", ACROSS), 9)
    begun = climbed(planted, Excited("conv", ACROSS), 4)
    other = Climb(planted, Excited("conv", ACROSS), (SIDE, SIDE), seed=77)
    other.restore(begun.state())
    for _ in range(5):
        other.step()
    assert np.array_equal(other.picture(), whole.picture()) and other.values == whole.values
    with pytest.raises(ValueError, match="size"):
        Climb(planted, Excited("conv", ACROSS), (32, 32)).restore(begun.state())


def test_the_highest_value_is_that_of_the_picture(planted: Network) -> None:
    climb = climbed(planted, Excited("conv", RED), 20)
    seen = (torch.from_numpy(climb.picture()).permute(2, 0, 1)[None] - 0.5) / 0.25
    conv = planted.module.get_submodule("conv")
    with torch.no_grad():
        assert climb.highest() == pytest.approx(float(conv(seen)[0, RED].relu().max()), rel=1e-5)
        logit = climbed(planted, Excited("", 1), 5)
        seen = (torch.from_numpy(logit.picture()).permute(2, 0, 1)[None] - 0.5) / 0.25
        assert logit.highest() == pytest.approx(float(planted.module(seen)[0, 1]), rel=1e-5)


@pytest.mark.parametrize("excited", [Excited("nowhere", 0), Excited("conv", 4), Excited("", 2)])
def test_what_is_not_there_is_said(planted: Network, excited: Excited) -> None:
    with pytest.raises(AttributionError, match=r"no (channel|class)"):
        climbed(planted, excited, 1)


@pytest.mark.parametrize("architecture", ["mobilenet_v2", "shufflenet_v2_x0_5", "densenet121"])
def test_values_rise_and_the_network_is_left_as_it_was(
    architecture: str, nothing_left: Callable[[Network], None]
) -> None:
    from tests.models.calibrated import shared_network

    network = shared_network(architecture)
    nothing_left(network)
    layers = {
        "mobilenet_v2": "features.3.conv.0.0",
        "shufflenet_v2_x0_5": "stage2.0",
        "densenet121": "features.denseblock1",
    }
    for excited in (Excited(layers[architecture], 1), Excited("", 1)):
        values = climbed(network, excited, 12).values
        assert max(values[-3:]) > values[0]


@pytest.fixture
def wanted(tmp_path: Path, network: Network, made: Predictions) -> ExcitationSpec:
    evaluation = EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures"))
    return ExcitationSpec(
        evaluation, made.fingerprint, made.network_fingerprint, Excited("conv1.0", 2), 1, steps=6
    )


def test_the_job_keeps_the_picture_and_what_it_came_to(
    store: Store, context: JobContext, wanted: ExcitationSpec
) -> None:
    result, progress = driven(excitation_steps(wanted.to_json(), context))
    ((record, picture),) = saved_excitations(store, wanted.network, wanted.excited)
    assert (record.seed, record.steps, len(record.values)) == (1, 6, 6)
    assert result == {"highest": record.highest} and 0 < record.confidence <= 1
    with Image.open(picture) as opened:
        assert opened.mode == "RGB" and min(opened.size) >= 32
    assert [each.done for each in progress][-1] == 6
    assert {file.suffix for file in picture.parent.iterdir()} == {".png", ".json"}
    assert saved_excitations(store, wanted.network, Excited("conv1.0", 3)) == []
    assert next_seed([record]) == 2


def test_a_job_that_was_stopped_goes_on_to_the_same_picture(
    store: Store, context: JobContext, wanted: ExcitationSpec
) -> None:
    driven(excitation_steps(wanted.to_json(), context))
    ((whole, picture),) = saved_excitations(store, wanted.network, wanted.excited)
    content = picture.read_bytes()
    for file in picture.parent.iterdir():
        file.unlink()
    steps = excitation_steps(wanted.to_json(), context)
    while next(steps).done < 3:
        pass
    steps.close()
    assert (
        wanted.file(store, "pt").exists() and saved_excitations(store, wanted.network, wanted.excited) == []
    )
    _, progress = driven(excitation_steps(wanted.to_json(), context))
    assert [each.done for each in progress] == [0, 4, 5, 6]
    ((again, picture),) = saved_excitations(store, wanted.network, wanted.excited)
    assert again == whole and picture.read_bytes() == content
    # what is damaged is begun anew
    wanted.file(store, "pt").write_bytes(b"no such thing")
    assert [each.done for each in driven(excitation_steps(wanted.to_json(), context))[1]] == [0, *range(1, 7)]


def test_a_spec_says_what_it_lacks(wanted: ExcitationSpec) -> None:
    plain = wanted.to_json()
    assert ExcitationSpec.from_json(plain) == wanted
    for wrong in (
        {**plain, "steps": 0},
        {**plain, "seed": -1},
        {key: plain[key] for key in plain if key != "layer"},
    ):
        with pytest.raises(JobError):
            ExcitationSpec.from_json(wrong)


def test_a_record_without_its_picture_is_not_shown(tmp_path: Path) -> None:
    store, excited = Store(tmp_path), Excited("conv", 1)
    folder = excitations_folder(store, "n", excited)
    folder.mkdir(parents=True)
    (folder / "1-0-6.json").write_text("{}")
    (folder / "1-0-6.png").write_bytes(b"")
    (folder / "1-1-6.json").write_text(
        '{"seed": 1, "steps": 6, "values": [], "highest": 1, "predicted": 0, "confidence": 0.5}'
    )
    assert saved_excitations(store, "n", excited) == []


@pytest.fixture(scope="module")
def sample_network(sample: Path) -> Iterator[Network]:
    from models.checkpoint import load_checkpoint

    yield load_checkpoint(sample / "shufflenet_v2_x0_5.pth")


def test_a_class_of_the_sample_network_is_what_it_then_sees(sample_network: Network) -> None:
    """The picture raises the logit far above what noise has, so that the network calls it that."""
    index = 3
    climb = climbed(sample_network, Excited("", index), 40)
    picture = torch.from_numpy(climb.picture()).permute(2, 0, 1)[None]
    mean, std = (
        torch.tensor(each).view(3, 1, 1)
        for each in (sample_network.preprocessing.mean, sample_network.preprocessing.std)
    )
    with torch.no_grad():
        logits = sample_network.module((picture - mean) / std)[0]
    assert int(logits.argmax()) == index
    assert float(logits[index]) == pytest.approx(climb.highest(), abs=1e-3)
    assert climb.values[-1] > climb.values[0] + 3
