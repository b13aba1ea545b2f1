"""The page of versions: the tree, one version in full, and what a person does with it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from models.checkpoint import load_checkpoint
from models.evaluation import EvaluationSpec, images_of, opened_network
from models.finetune.augmentation_presets import PRESETS
from models.finetune.recipe import DEFAULTS
from models.finetune.recipe_reader import read_recipe
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.version_record import Version
from models.finetune.versions import amend_version, delete_version, save_version, version, versions
from models.jobs import Jobs
from models.own_networks import checkpoint_content, plan_of
from models.predictions import predict
from models.recent import remember
from models.store import Store
from pages.shared.sample import sample_spec
from tests.browser.conftest import Server, matrix_stands, start_server
from tests.conftest import SAMPLE
from tests.models.finetune.version_samples import METRICS, history

Opener = Callable[..., Page]
SLOW = 240_000
TARGET = Target(
    "cell", "British_Shorthair/Russian_Blue", (("British_Shorthair", "Russian_Blue"),), chosen_on="half"
)
DATA = {
    "train": {"n": 782, "fingerprint": "a" * 32}, "select": {"n": 260, "fingerprint": "b" * 32},
    "report": {"n": 259, "fingerprint": "c" * 32}, "excluded": [{"path": "beagle/1.jpg", "reason": "a copy"}],
    "unreadable": [], "empty_classes": [], "held_out": False,
}  # fmt: skip


@dataclass
class Kept:
    """A server whose workspace has the sample and a version of it."""

    server: Server
    store: Store
    spec: FinetuneSpec
    first: Version

    def another(self, name: str, **changes: object) -> Version:
        """One more version, with the same weights, that was not evaluated."""
        return saved(self.store, replace(self.spec, name=name, **changes), noise=0.0)  # type: ignore[arg-type]


def saved(store: Store, spec: FinetuneSpec, *, noise: float) -> Version:
    """A version whose head is the sample's with noise."""
    network = opened_network(spec.start)
    head = network.module.get_parameter("fc.weight")
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        head += noise * head.std() * torch.randn(head.shape, generator=draws)
    return save_version(
        store, checkpoint_content(network.module, plan_of(network), network.class_names, network.preprocessing),
        spec=spec, architecture=network.architecture, class_names=network.class_names,
        metrics={**METRICS, "test": {"n": 140, "accuracy": 0.85, "loss": 0.5}}, history=history(6), data=DATA,
    )  # fmt: skip


def evaluated(store: Store, made: Version, on: EvaluationSpec) -> Version:
    spec = EvaluationSpec(str(made.checkpoint), on.images, groups=on.groups, split=on.split)
    images = images_of(spec)
    predictions = predict(opened_network(spec), images, store=store)
    remember(store, spec.key(images), spec.to_json(), predictions)
    return amend_version(store, made.id, evaluation=predictions.fingerprint)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    home = tmp_path_factory.mktemp("versions")
    store, start = Store(home / "workspace"), sample_spec()
    images = images_of(start)
    remember(store, start.key(images), start.to_json(), predict(opened_network(start), images, store=store))
    spec = FinetuneSpec(
        start=start, baseline=start, training=TrainingImages(str(SAMPLE / "pets" / "train")),
        recipe=DEFAULTS["bottleneck"], augmentation=PRESETS["mild"].augmentation, target=TARGET, name="Shorthairs",
    )  # fmt: skip
    first = evaluated(store, saved(store, spec, noise=1.0), start)
    server = start_server(home)
    yield Kept(server, store, spec, first)
    server.stop()


@pytest.fixture
def workspace(kept: Kept) -> Iterator[Kept]:
    """What a test adds or changes is taken back after it."""
    yield kept
    for each in versions(kept.store):
        if each.id != kept.first.id:
            delete_version(kept.store, each.id)
    amend_version(kept.store, kept.first.id, name=kept.first.name, note="")


def opened(open_page: Opener, kept: Kept, query: str = "", **settings: object) -> Page:
    """Open the page; on a fresh server Streamlit itself may first say that it is not there."""
    page = open_page(f"{kept.server.url}/versions{query}", **settings)
    expect(page.locator(".st-key-version_shown")).to_be_visible(timeout=SLOW)
    dialog = page.get_by_text("Page not found")
    if dialog.count():
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    return page


def shown(page: Page, name: str) -> None:
    expect(
        page.locator(".st-key-version_shown").get_by_role("heading", name=name, exact=True)
    ).to_be_visible()


def part(page: Page, name: str) -> None:
    page.locator(".st-key-version_part").get_by_text(name, exact=True).click()


def test_without_versions_it_says_where_they_come_from(evaluated_server: Server, open_page: Opener) -> None:
    page = open_page(f"{evaluated_server.url}/versions")
    expect(page.get_by_text("No version yet.")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="Fine-tune the open model").click()
    expect(page).to_have_url(re.compile("/finetune"))


def test_a_version_says_what_it_reached_and_how(workspace: Kept, open_page: Opener) -> None:
    page = opened(open_page, workspace)
    panel = page.locator(".st-key-version_shown")
    shown(page, "Shorthairs")
    figures = page.locator(".st-key-version_figures")
    for words in ("Held-out half", "85.0%", "+5.0 points", "Test images", "Chose the epoch", "90.0%"):
        expect(figures.get_by_text(words, exact=True).first).to_be_visible()
    expect(panel.get_by_text("Held-out half: 30 images, 95% interval 70% to 95%.")).to_be_visible()
    expect(panel.get_by_text("from shufflenet_v2_x0_5.pth")).to_be_visible()
    expect(page.locator(".st-key-version_shown .js-plotly-plot")).to_have_count(2)
    part(page, "Recipe")
    expect(panel.get_by_text("Bottleneck features", exact=True)).to_be_visible()
    expect(panel.get_by_text("Made with errorscope")).to_be_visible()
    part(page, "Images")
    expect(panel.get_by_text("782", exact=True)).to_be_visible()
    panel.get_by_text("1 image left out of training").click()


def test_the_tree_leads_to_each_version_and_a_link_to_the_same_one(
    workspace: Kept, open_page: Opener
) -> None:
    child = workspace.another("Second try", parent=workspace.first.id)
    workspace.another("Second try (control)", parent=workspace.first.id, control_of=child.id, target=None)
    page = opened(open_page, workspace)
    shown(page, "Second try (control)")  # the newest
    rows = page.locator(".st-key-version_tree button")
    expect(rows).to_have_text(["Shorthairs", "Second try", "Second try (control)"])
    # a child stands further right than its parent, as soon as the style sheet is there
    page.wait_for_function(
        "ids => { const [a, b] = ids.map(id => document.querySelector(`.st-key-version_${id}`)?.getBoundingClientRect().x);"
        " return b > a + 10 }",
        arg=[workspace.first.id, child.id],
    )
    rows.nth(0).click()
    shown(page, "Shorthairs")
    rows.nth(2).click()
    shown(page, "Second try (control)")
    page.locator(".st-key-go_to_version button").click()
    shown(page, "Second try")
    expect(page).to_have_url(re.compile(f"version={child.id}"))
    link = opened(open_page, workspace, f"?version={child.id}")
    shown(link, "Second try")
    gone = opened(open_page, workspace, "?version=20260101-000000-abcdef")
    expect(gone.get_by_text("The version of this link is not kept any more")).to_be_visible()


def test_a_name_and_a_note_are_kept(workspace: Kept, open_page: Opener) -> None:
    page = opened(open_page, workspace)
    part(page, "Name and note")
    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("Blue & *short*")
    name.press("Enter")
    shown(page, "Blue & *short*")
    note = page.get_by_role("textbox", name="Note", exact=True)
    note.fill("for the shop")
    note.press("Control+Enter")
    expect(page.locator(".st-key-version_shown [data-testid='stText']")).to_have_text("for the shop")
    found = version(workspace.store, workspace.first.id)
    assert (found.name, found.note) == ("Blue & *short*", "for the shop")
    name.fill("   ")
    name.press("Enter")
    expect(page.get_by_text("A version needs a name.")).to_be_visible()
    shown(page, "Blue & *short*")


def test_a_version_is_deleted_once_it_is_confirmed(workspace: Kept, open_page: Opener) -> None:
    extra = workspace.another("Too much")
    page = opened(open_page, workspace)
    page.locator(f".st-key-version_{extra.id} button").click()
    shown(page, "Too much")
    expect(page.get_by_text("evaluation did not come to an end")).to_have_count(0)
    page.locator(".st-key-version_delete button").click()
    expect(page.get_by_text(re.compile(r"files go \(\d"))).to_be_visible()
    page.locator(".st-key-version_delete_sure button").click()
    shown(page, "Shorthairs")
    expect(page.locator(f".st-key-version_{extra.id}")).to_have_count(0)
    assert [each.id for each in versions(workspace.store)] == [workspace.first.id]


def test_a_version_becomes_the_open_model_at_once(workspace: Kept, open_page: Opener) -> None:
    page = opened(open_page, workspace)
    page.get_by_role("button", name="Open this version").click()
    matrix_stands(page)
    expect(page.get_by_test_id("stSidebar").get_by_text("Shorthairs", exact=True)).to_be_visible()
    assert Jobs(workspace.store).list(kinds=("evaluate",)) == []  # its evaluation was there already
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".st-key-version_shown").get_by_text("Open now")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()


def test_it_is_compared_with_what_it_came_from(workspace: Kept, open_page: Opener) -> None:
    page = opened(open_page, workspace)
    page.get_by_role("link", name="Compare with shufflenet_v2_x0_5.pth").click()
    expect(page.locator(".st-key-comparison_figures")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile(f"after={workspace.first.evaluation}"))
    expect(page.locator(".st-key-comparison_after input")).to_have_value(re.compile("Shorthairs"))


def test_what_its_training_changed_in_each_layer_is_one_click_away(
    workspace: Kept, open_page: Opener
) -> None:
    page = opened(open_page, workspace)
    page.get_by_role(
        "link", name=re.compile("^(Which layers changed|Its layers against the open model's)$")
    ).click()
    expect(page.locator(".st-key-weights_against input")).not_to_have_value("Choose a network", timeout=SLOW)
    expect(page.get_by_text("to the open network:")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("as if frozen")).to_be_visible()


def test_files_are_made_and_downloaded(workspace: Kept, open_page: Opener, tmp_path: Path) -> None:
    page = opened(open_page, workspace)
    part(page, "Files")
    for key, suffix in (("weights", "pth"), ("safetensors", "safetensors")):
        path = downloaded(page, f"export_{key}", tmp_path)
        assert path.name == f"Shorthairs.{suffix}"
        assert load_checkpoint(path).class_names == workspace.first.class_names
    page.locator(".st-key-make_torchscript button").click()
    expect(page.get_by_role("button", name=re.compile(r"Download TorchScript \(\d"))).to_be_visible(
        timeout=SLOW
    )
    program = load_checkpoint(downloaded(page, "export_torchscript", tmp_path), trust_code=True)
    images = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = load_checkpoint(workspace.first.checkpoint).module(images)
        torch.testing.assert_close(program.module(images), wanted, rtol=1e-4, atol=1e-4)
    assert read_recipe(downloaded(page, "export_recipe", tmp_path)) == workspace.spec


def downloaded(page: Page, key: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(f".st-key-{key} button").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_control_is_trained_with_one_click_and_can_be_stopped(workspace: Kept, open_page: Opener) -> None:
    page = opened(open_page, workspace)
    page.locator(".st-key-train_control button").click()
    expect(page.get_by_text("The control is being trained.")).to_be_visible(timeout=SLOW)
    page.locator(".st-key-comparison_control_job button").first.click()
    expect(page.get_by_role("button", name="Go on training the control")).to_be_visible(timeout=SLOW)
    (job,) = Jobs(workspace.store).list(kinds=("finetune",))
    assert job.spec["control_of"] == workspace.first.id and job.spec["target"] is None
    assert job.spec["recipe"] == workspace.spec.recipe.to_json()
    Jobs(workspace.store).delete(job.id)


def test_it_fits_a_narrow_screen(workspace: Kept, open_page: Opener) -> None:
    workspace.another("A name that is much longer than anybody would ever give to a version " * 2)
    page = opened(open_page, workspace, width=800, dark=True)
    scrolls = page.evaluate(
        "document.querySelector('[data-testid=stMain]').scrollWidth - document.querySelector('[data-testid=stMain]').clientWidth"
    )
    assert scrolls <= 0
