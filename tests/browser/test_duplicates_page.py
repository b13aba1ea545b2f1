"""Duplicates and leakage: open, compare with the training images, click through to the image, reload."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, matrix_stands, start_server

Opener = Callable[..., Page]
EACH = 2


def planted_pets(sample: Path, root: Path) -> Path:
    """The planted copies of the sample, and a few other images of each class; one is also filed elsewhere."""
    planted = json.loads((sample / "planted.json").read_text())
    pairs = [*planted["near_duplicates"], *planted["exact_duplicates"]]
    files = {pair[split] for pair in pairs for split in ("val", "train")}
    spoken_for = files | set(planted["low_light"])
    for split in ("val", "train"):
        for name in planted["classes"]:
            others = sorted((sample / "pets" / split / name).iterdir())
            free = [
                f"{split}/{name}/{file.name}"
                for file in others
                if f"{split}/{name}/{file.name}" not in spoken_for
            ]
            files.update(free[:EACH])
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample / "pets" / file, root / file)
    beagle = min(file for file in files - spoken_for if file.startswith("val/beagle/"))
    shutil.copy(root / beagle, root / "val" / "samoyed" / "not_a_samoyed.jpg")
    return root


@pytest.fixture(scope="module")
def copies_server(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Server]:
    """The sample network on a small set with planted copies, in a workspace of its own."""
    root = planted_pets(sample, tmp_path_factory.mktemp("planted") / "pets")
    model = sample / "shufflenet_v2_x0_5.pth"
    server = start_server(
        tmp_path_factory.mktemp("copies"), "--model", str(model), "--images", str(root / "val")
    )
    yield server
    server.stop()


def test_from_the_clusters_and_the_leaked_pairs_to_the_image_and_back(
    copies_server: Server, open_page: Opener
) -> None:
    page = open_page(copies_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Duplicates and leakage").click()

    clusters = page.locator(".st-key-duplicate_clusters")
    expect(clusters).to_contain_text("1 picture occurs more than once", timeout=120_000)
    expect(clusters).to_contain_text("2 images labelled beagle and samoyed")
    expect(clusters.locator("button[data-image-id]")).to_have_count(2)

    path = page.get_by_label("Folder or table of the training images")
    expect(path).to_have_value(re.compile("pets/train$"))
    page.get_by_role("button", name="Compare", exact=True).click()
    leakage = page.locator(".st-key-leakage")
    expect(leakage).to_contain_text(re.compile(r"12 of the \d+ open images are among the"), timeout=240_000)
    expect(leakage).to_contain_text("without the 12 leaked images")
    pairs = page.locator(".st-key-leaked_pairs")
    expect(pairs.locator("button[data-image-id]")).to_have_count(12)
    expect(pairs.locator("img")).to_have_count(24)

    pairs.locator("button[data-image-id]").first.click()
    expect(page.locator(".st-key-image_inspector")).to_be_visible()
    expect(page.locator(".st-key-inspector_steps")).to_contain_text("1 of 12")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-image_inspector")).to_have_count(0)

    page.reload()
    expect(leakage).to_contain_text("without the 12 leaked images", timeout=60_000)
    expect(page.get_by_role("button", name="Compare again")).to_be_visible()
    expect(clusters.locator("button[data-image-id]")).to_have_count(2)


def test_what_cannot_be_compared_is_said_and_the_open_images_are_refused(
    copies_server: Server, open_page: Opener
) -> None:
    page = open_page(copies_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Duplicates and leakage").click()
    path = page.get_by_label("Folder or table of the training images")
    expect(path).to_have_value(re.compile("train$"))
    own = path.input_value().removesuffix("train") + "val"
    path.fill(own)
    path.press("Enter")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".st-key-leakage")).to_contain_text(
        "These are the images that are open", timeout=60_000
    )
