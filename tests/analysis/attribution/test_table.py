"""The table of methods: it describes itself, and refuses what makes no sense."""

import numpy as np
import pytest
import torch

from analysis.attribution import METHODS, Contrast, attribute, attribution_steps, attributions
from analysis.attribution.asking import chosen_options
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.fast import FAST, network_for
from tests.models.calibrated import N_CLASSES, images

ORDER = [
    "grad_cam",
    "gradient",
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "deconvolution",
    "guided_backprop",
    "smooth_grad",
    "deep_lift",
    "occlusion",
    "lrp",
    "lime",
]


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(method: str, small_network: Network) -> Network:
    return network_for(method, small_network)


def test_methods_stand_in_the_promised_order() -> None:
    promised = [key for key in METHODS if key in ORDER]
    assert promised == sorted(promised, key=ORDER.index)
    assert {"grad_cam", "smooth_grad"} <= METHODS.keys()
    with pytest.raises(TypeError):
        METHODS["mine"] = METHODS["grad_cam"]  # type: ignore[index]


def test_a_method_says_all_that_a_page_needs(method: str) -> None:
    record = METHODS[method]
    assert record.key == method and record.label and record.grain >= 1
    assert record.cost in {"instant", "seconds", "minutes"}
    assert any(year.strip(":,").isdigit() for year in record.source.split())
    assert record.limits.endswith(".") and record.limits.count(". ") == 0
    for option in record.options:
        assert option.label and option.meaning.endswith(".")
        if not isinstance(option.default, str):
            assert option.low is not None and option.high is not None and option.step
            assert option.low <= option.default <= option.high


def test_every_method_answers_every_target(network: Network, method: str) -> None:
    targets = [1, Contrast(3, 0), np.int64(4)]
    inputs = images(network.architecture)
    options = FAST.get(method, {})
    steps = list(attribution_steps(network, inputs, targets, method, **options))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and fractions[0] > 0
    found = steps[-1].attributions
    assert [each.target for each in found] == targets
    for each in found:
        assert each.relevance.shape == (96, 96) and each.relevance.dtype == np.float32
        assert each.method == method and each.seconds > 0
        assert METHODS[method].signed or each.relevance.min() >= 0
        alone = attribute(network, inputs, each.target, method, **options)
        np.testing.assert_allclose(
            each.relevance, alone.relevance, atol=1e-5 * max(1e-9, alone.relevance.max())
        )


def test_options_keep_their_defaults_and_their_kind() -> None:
    record = METHODS["smooth_grad"]
    assert chosen_options(record, {"noise": 0}) == {"samples": 25, "noise": 0.0, "seed": 0}
    assert isinstance(chosen_options(record, {"noise": 0})["noise"], float)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("grad_kam", {}, 'no attribution method called "grad_kam"'),
        ("saliency", {"samples": 3}, 'Saliency has no option "samples"'),
        ("smooth_grad", {"samples": 0}, "Samples is 0, but must be a whole number from 1 to 200"),
        ("smooth_grad", {"samples": 2.5}, "must be a whole number"),
        ("smooth_grad", {"samples": True}, "must be a whole number"),
        ("smooth_grad", {"noise": float("nan")}, "must be a number from 0 to 0.5"),
        ("smooth_grad", {"noise": "much"}, "must be a number"),
        ("grad_cam", {"layer": 4}, "must be a word"),
        ("grad_cam", {"layer": "layer9"}, 'no layer called "layer9"'),
        ("grad_cam", {"layer": "fc"}, '"fc" gives no map'),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    small_network: Network, method: str, options: dict[str, float], words: str
) -> None:
    with pytest.raises(AttributionError, match=words) as caught:
        attribute(small_network, images(small_network.architecture), 0, method, **options)
    assert caught.value.next_step


@pytest.mark.parametrize("target", [-1, N_CLASSES, Contrast(0, 9), True, 1.0, "cat"])
def test_a_class_the_network_lacks_is_refused(small_network: Network, target: int) -> None:
    with pytest.raises(AttributionError, match="classes are numbered 0 to 4"):
        attribute(small_network, images(small_network.architecture), target, "saliency")


def test_a_class_held_against_itself_is_refused(small_network: Network) -> None:
    with pytest.raises(AttributionError, match=r"^The two classes of a contrast are the same\.") as caught:
        attribute(small_network, images(small_network.architecture), Contrast(2, np.int64(2)), "saliency")
    assert caught.value.next_step


@pytest.mark.parametrize("shape", [(96, 96), (1, 96, 96), (2, 3, 96, 96), (1, 1, 3, 96, 96)])
def test_an_input_of_another_shape_is_refused(small_network: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(AttributionError, match="no single image"):
        attribute(small_network, torch.zeros(shape), 0, "saliency")


def test_nan_and_no_target_are_refused(small_network: Network) -> None:
    with pytest.raises(AttributionError, match="NaN"):
        attribute(small_network, torch.full((3, 96, 96), torch.nan), 0, "saliency")
    with pytest.raises(AttributionError, match="No class"):
        attributions(small_network, torch.zeros(3, 96, 96), [], "saliency")


def test_an_input_of_a_size_the_network_refuses_is_explained() -> None:
    from tests.models.calibrated import shared_network

    with pytest.raises(AttributionError, match=r"cannot run an input of shape \(1, 3, 2, 2\)"):
        attribute(shared_network("squeezenet1_1"), torch.zeros(3, 2, 2), 0, "saliency")
