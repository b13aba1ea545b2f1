"""How long a person waits in the browser: from the server's start to the matrix, and from click to images.

Run: python -m benchmarks.browsing [--only small | --only large]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.synthetic import large_evaluation
from models.evaluation import EvaluationSpec
from models.jobs import jobs
from models.store import Store
from tests.browser.conftest import start_server
from tests.conftest import REAL, SAMPLE, chromium_path

CLICKS = 15
PAUSE_SECONDS = 0.8

# All shadow roots within an element, in which components draw.
ROOTS = """
const roots = (node, found = []) => {
  if (node.shadowRoot) found.push(node.shadowRoot);
  for (const child of (node.shadowRoot ?? node).children) roots(child, found);
  return found;
};
"""
SHOWN = """
// ROOTS
const shown = () => {
  const host = document.querySelector('.st-key-mistake_gallery');
  return host ? roots(host).flatMap((root) => [...root.querySelectorAll('button[data-image-id]')]) : [];
};
const ids = () => shown().map((button) => button.dataset.imageId).join();
""".replace("// ROOTS", ROOTS)
# Waits until the gallery shows other images than before the click, all of them decoded, and one frame later.
PAINTED = """
(before) => new Promise((resolve) => {
  // SHOWN
  const look = () => {
    const images = shown().map((button) => button.querySelector('img')).filter(Boolean);
    if (ids() && ids() !== before && images.every((image) => image.complete && image.naturalWidth)) {
      requestAnimationFrame(() => resolve([performance.now() - window.clicked, images.length]));
    } else requestAnimationFrame(look);
  };
  look();
})
""".replace("// SHOWN", SHOWN)


@contextmanager
def chromium() -> Iterator[Callable[[], Page]]:
    """A browser; call what it gives for a new page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield lambda: browser.new_page(viewport={"width": 1440, "height": 1000})
        browser.close()


def evaluated(home: Path, spec: EvaluationSpec) -> None:
    """Run the evaluation of ``spec`` in the workspace of ``home``, and wait for it."""
    runner = jobs(Store(home / "workspace"))
    identifier = runner.submit("evaluate", spec.to_json(), title=spec.title())
    while (job := runner.status(identifier)).is_active:
        time.sleep(0.2)
    assert job.state == "done", job.error
    runner.close()


def seconds_to_matrix(home: Path, new_page: Callable[[], Page], *arguments: str) -> tuple[float, Page, Any]:
    """Start the server on a saved evaluation and wait until the matrix and its images are painted."""
    start = time.perf_counter()
    server = start_server(home, *arguments)
    page = new_page()
    page.goto(server.url)
    page.locator(".st-key-confusion_matrix canvas").first.wait_for(timeout=120_000)
    page.wait_for_function(
        "document.querySelector('.st-key-confusion_matrix') && "
        "[...document.querySelectorAll('.st-key-confusion_matrix *')].some(e => e.shadowRoot?.querySelector('canvas')?.width)"
    )
    return time.perf_counter() - start, page, server


def click_milliseconds(page: Page, rows: list[int]) -> list[tuple[float, int]]:
    """Click row labels; for each the time until its images are painted, and how many they are."""
    page.evaluate(
        "document.addEventListener('pointerdown', () => { window.clicked = performance.now() }, true)"
    )
    times = []
    for row in rows:
        canvas = page.locator(".st-key-confusion_matrix canvas").first
        place = canvas.evaluate("(canvas, row) => canvas.cellCentre(row, null)", row)
        before = page.evaluate(f"() => {{ {SHOWN} return ids(); }}")
        canvas.click(position={"x": place["x"], "y": place["y"]})
        times.append(tuple(page.evaluate(PAINTED, before)))
        time.sleep(PAUSE_SECONDS)
    return times[1:]


def measured(title: str, home: Path, arguments: list[str], n_rows: int, new_page: Callable[[], Page]) -> None:
    """Measure one evaluation and print its row."""
    start, page, server = seconds_to_matrix(home, new_page, *arguments)
    step = max(1, n_rows // (CLICKS + 1))
    times = click_milliseconds(page, [(place * step) % n_rows for place in range(CLICKS + 1)])
    server.stop()
    page.close()
    taken = [milliseconds for milliseconds, _ in times]
    images = statistics.median([n_images for _, n_images in times])
    print(
        f"| {title} | {start:.1f} s | {statistics.median(taken):.0f} ms | {max(taken):.0f} ms | {images:.0f} |",
        flush=True,
    )


def main() -> None:
    """Measure the sample or the real photos, then the large synthetic evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["small", "large"])
    only = parser.parse_args().only
    print(
        f"{date.today()} · {platform.machine()}, {sys.version.split()[0]} · python -m benchmarks.browsing\n"
    )
    print("| evaluation | server start to matrix | click to images, median | slowest | images a click |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, chromium() as new_page:
        if only != "large":
            home, spec, n_classes = Path(folder) / "small", *small_evaluation()
            evaluated(home, spec)
            arguments = ["--model", spec.checkpoint, "--images", spec.images]
            measured(f"{n_classes} classes, real network", home, arguments, n_classes, new_page)
        if only != "small":
            home = Path(folder) / "large"
            spec = large_evaluation(Store(home / "workspace"), Path(folder) / "images")
            arguments = ["--model", spec.checkpoint, "--images", spec.images]
            measured("1000 classes x 50,000 images, synthetic", home, arguments, 1000, new_page)


def small_evaluation() -> tuple[EvaluationSpec, int]:
    """The real breed classifier on photos with 24 a class where they are there, else the sample."""
    if REAL.is_dir():
        weights = REAL / "weights" / "mobilenet_v2_pets34.pth"
        return EvaluationSpec(checkpoint=str(weights), images=str(REAL / "pets" / "train")), 34
    return EvaluationSpec(
        checkpoint=str(SAMPLE / "shufflenet_v2_x0_5.pth"), images=str(SAMPLE / "pets" / "train")
    ), 14


if __name__ == "__main__":
    main()
