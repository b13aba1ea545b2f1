"""What each attribution method costs, beside Captum's or pytorch-grad-cam's own, and how long a person waits.

Run: python -m benchmarks.explaining [--architecture resnet18] [--without-browser]

The unit is one forward pass with the gradient of the input, timed in turns with everything else, so that
a busy machine slows both sides alike.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import captum.attr
import torch
from playwright.sync_api import Page

from analysis.attribution import METHODS, attribute
from benchmarks.browsing import ROOTS, chromium, evaluated
from benchmarks.predicting import seconds_of
from models.errors import AttributionError
from models.evaluation import EvaluationSpec
from models.network import Network
from models.preprocessing import Preprocessing
from tests.browser.conftest import start_server
from tests.conftest import SAMPLE
from tests.models.calibrated import HEADS, calibrated_module

SIDE = 224
ROUNDS = 3
OPENINGS = 7
GRID = 7
Reference = Callable[[torch.nn.Module, torch.Tensor], object]


def network_of(architecture: str) -> Network:
    """A random network of the family that behaves like a trained one, at 224 pixels."""
    return Network(
        module=calibrated_module(architecture),
        class_names=tuple("abcde"),
        preprocessing=Preprocessing(SIDE, SIDE, (0.5,) * 3, (0.25,) * 3),
        architecture=architecture,
        fingerprint=architecture,
        path=Path(f"{architecture}.pth"),
        head=HEADS[architecture],
    )


def cells() -> torch.Tensor:
    """(1, 1, 224, 224) number of the grid's cell at each pixel."""
    rows = torch.arange(SIDE) * GRID // SIDE
    return (rows[:, None] * GRID + rows[None, :])[None, None]


def captums(module: torch.nn.Module) -> dict[str, Callable[[torch.Tensor], object]]:
    """Captum's own calls with the settings that ours have by default."""
    of = captum.attr
    tunnel = of.NoiseTunnel(of.Saliency(module))
    return {
        "gradient": lambda x: of.Saliency(module).attribute(x, target=0, abs=False),
        "saliency": lambda x: of.Saliency(module).attribute(x, target=0),
        "input_x_gradient": lambda x: of.InputXGradient(module).attribute(x, target=0),
        "integrated_gradients": lambda x: of.IntegratedGradients(module).attribute(
            x, target=0, n_steps=default("integrated_gradients", "steps"), internal_batch_size=4
        ),
        "smooth_grad": lambda x: tunnel.attribute(
            x, nt_samples=25, nt_samples_batch_size=4, nt_type="smoothgrad", target=0, abs=False
        ),
        "var_grad": lambda x: tunnel.attribute(
            x, nt_samples=25, nt_samples_batch_size=4, nt_type="vargrad", target=0, abs=False
        ),
        "guided_backprop": lambda x: of.GuidedBackprop(module).attribute(x, target=0),
        "deconvolution": lambda x: of.Deconvolution(module).attribute(x, target=0),
        "lime": lambda x: of.Lime(module).attribute(
            x, target=0, feature_mask=cells(), n_samples=default("lime", "samples"), perturbations_per_eval=4
        ),
        "kernel_shap": lambda x: of.KernelShap(module).attribute(
            x,
            target=0,
            feature_mask=cells(),
            n_samples=default("kernel_shap", "samples"),
            perturbations_per_eval=4,
        ),
        "feature_ablation": lambda x: of.FeatureAblation(module).attribute(
            x, target=0, feature_mask=cells(), perturbations_per_eval=4
        ),
    }


def grad_cams(module: torch.nn.Module, layer: torch.nn.Module) -> dict[str, Callable[[torch.Tensor], object]]:
    """pytorch-grad-cam's own calls; none where the package (grad-cam, with OpenCV) is not installed."""
    try:
        import pytorch_grad_cam as library
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError:
        print("The package grad-cam is not installed, so the CAM family stands without its reference.\n")
        return {}

    def run(kind: type) -> Callable[[torch.Tensor], object]:
        def call(inputs: torch.Tensor) -> object:
            with kind(model=module, target_layers=[layer]) as cam:
                return cam(input_tensor=inputs, targets=[ClassifierOutputTarget(0)])

        return call

    return {
        "grad_cam": run(library.GradCAM),
        "grad_cam_plus_plus": run(library.GradCAMPlusPlus),
        "hires_cam": run(library.HiResCAM),
        "layer_cam": run(library.LayerCAM),
        "eigen_cam": run(library.EigenCAM),
    }


def default(method: str, option: str) -> int:
    """A method's default setting."""
    return int(next(each.default for each in METHODS[method].options if each.name == option))


def in_runs(network: Network, call: Callable[[], object], inputs: torch.Tensor, rounds: int) -> float:
    """A call's cost in units of one forward pass with the input's gradient: the median of some rounds."""
    ratios = []
    for _ in range(rounds):
        unit = min(seconds_of(lambda: attribute(network, inputs, 0, "gradient")) for _ in range(3))
        ratios.append(seconds_of(call) / unit)
    return statistics.median(ratios)


def costs(architecture: str) -> None:
    """Print one row per method."""
    from analysis.attribution import spatial_layers

    network = network_of(architecture)
    inputs = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    references = captums(network.module)
    layer = network.module.get_submodule(spatial_layers(network, (SIDE, SIDE))[-1])
    references |= grad_cams(network.module, layer)
    attribute(network, inputs, 0, "gradient")
    print(
        f"| {architecture} | default settings, in runs | said before a run | the library's own |\n|---|---|---|---|"
    )
    for method in METHODS.values():
        settings = {option.name: option.default for option in method.options}
        rounds = ROUNDS if method.cost != "minutes" else 1
        try:
            own = in_runs(network, lambda key=method.key: attribute(network, inputs, 0, key), inputs, rounds)
        except AttributionError as error:
            print(f"| {method.label} | {error.message} | | |", flush=True)
            continue
        theirs = "-"
        if method.key in references:
            theirs = f"{in_runs(network, lambda key=method.key: references[key](inputs), inputs, rounds):.2f}"
        print(f"| {method.label} | {own:.2f} | {method.runs(settings):.1f} | {theirs} |", flush=True)


# From the click until each of these places shows a painted map, and another than before.
PAINTED_MAPS = """
(places) => Promise.all(places.map(([selector, before]) => new Promise((resolve) => {
  // ROOTS
  const look = () => {
    const host = document.querySelector(selector);
    const maps = host ? roots(host).flatMap((root) => [...root.querySelectorAll('img.relevance')]) : [];
    if (maps.some((map) => map.src !== before && map.complete && map.naturalWidth)) {
      requestAnimationFrame(() => resolve(performance.now() - window.clicked));
    } else requestAnimationFrame(look);
  };
  look();
})))
""".replace("// ROOTS", ROOTS)


def next_maps(page: Page) -> None:
    """Print how long the image page takes from Next to each method's first map."""
    page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    page.locator(".st-key-explain_more button").first.click()
    keys = ("grad_cam", "lrp", "integrated_gradients", "smooth_grad")
    taken: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(5):
        maps = [page.locator(f".st-key-tile_{key} img.relevance").last for key in keys]
        for each in maps:
            each.wait_for(timeout=60_000)
        time.sleep(3)  # until all are finished; what a slow one shows before that is not its last map
        before = [each.get_attribute("src") for each in maps]
        page.locator(".st-key-explain_next button").first.click()
        # All at once: a quick method's time must not hang on when a slow one's was taken.
        painted = page.evaluate(
            PAINTED_MAPS, [[f".st-key-tile_{key}", src] for key, src in zip(keys, before, strict=True)]
        )
        for key, milliseconds in zip(keys, painted, strict=True):
            taken[key].append(milliseconds)
    print("\n| image page, from Next to the first map | median | slowest |\n|---|---|---|")
    for key in keys:
        seconds_taken = [each / 1000 for each in taken[key]]
        print(
            f"| {METHODS[key].label} | {statistics.median(seconds_taken):.2f} s | {max(seconds_taken):.2f} s |"
        )


def waiting() -> None:
    """Print how long the first map takes after a click on an image of the sample."""
    spec = EvaluationSpec(
        checkpoint=str(SAMPLE / "shufflenet_v2_x0_5.pth"), images=str(SAMPLE / "pets"), split="val"
    )
    taken = []
    with tempfile.TemporaryDirectory() as folder, chromium() as new_page:
        evaluated(Path(folder), spec)
        server = start_server(Path(folder))
        page = new_page()
        page.goto(server.url)
        page.locator(".st-key-mistake_gallery button").first.wait_for(timeout=120_000)
        page.evaluate(
            "document.addEventListener('pointerdown', () => { window.clicked = performance.now() }, true)"
        )
        for place in range(OPENINGS):
            page.locator(".st-key-mistake_gallery button[data-image-id]").nth(place % 3).click()
            taken += page.evaluate(PAINTED_MAPS, [[".st-key-attribution_grid", None]])
            page.keyboard.press("Escape")
            page.locator(".st-key-image_inspector").wait_for(state="detached")
            time.sleep(1)
        next_maps(page)
        server.stop()
    print(
        "\n| from the click on an image to its first map | first (loads the network) | median of the next | goal |"
    )
    print("|---|---|---|---|")
    print(
        f"| sample network | {taken[0] / 1000:.2f} s | {statistics.median(taken[1:]) / 1000:.2f} s | 1 s |",
        flush=True,
    )


def main() -> None:
    """Measure the methods, then the browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="resnet18", choices=list(HEADS))
    parser.add_argument("--without-browser", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # Captum's, on hooks
    print(
        f"{date.today()} · {platform.machine()}, {sys.version.split()[0]} · python -m benchmarks.explaining\n"
    )
    costs(arguments.architecture)
    if not arguments.without_browser:
        waiting()


if __name__ == "__main__":
    main()
