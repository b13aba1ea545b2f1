"""The map by itself, on planted points: what is drawn around, clicked, typed, pointed at and filtered."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.component_app import planted_places
from tests.browser.conftest import Server

Opener = Callable[..., Page]
COUNT = 200


@pytest.fixture
def opened(components: Server, open_page: Opener) -> Callable[..., Page]:
    """Open the map of planted points and wait until it is drawn."""

    def map_of(count: int = COUNT) -> Page:
        page = open_page(f"{components.url}/?entries=2&items=0&scatter={count}")
        expect(page.locator(".scatter[data-ready=true]")).to_be_visible(timeout=120_000)
        canvas(page).scroll_into_view_if_needed()
        return page

    return map_of


def canvas(page: Page) -> Locator:
    return page.locator(".st-key-embedding_map canvas.points")


def places(page: Page, rows: np.ndarray) -> np.ndarray:
    """Where some points lie on the page, (M, 2)."""
    box = canvas(page).bounding_box()
    assert box
    script = "(canvas, rows) => rows.map((row) => canvas.pointPlace(row))"
    on_canvas = np.array(canvas(page).evaluate(script, rows.tolist()))
    return on_canvas + np.array([box["x"], box["y"]])


def place(page: Page, row: int) -> tuple[float, float]:
    """Where a point lies on the page."""
    x, y = places(page, np.array([row]))[0]
    return float(x), float(y)


def drag_around(page: Page, rows: np.ndarray, *, shift: bool = False, margin: float = 12) -> None:
    """Drag a closed line around some points, once the map lies still."""
    canvas(page).hover()
    found = places(page, rows)
    (left, top), (right, bottom) = found.min(axis=0) - margin, found.max(axis=0) + margin
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def expect_selected(page: Page, rows: np.ndarray, kind: str = "region") -> None:
    words = ",".join(map(str, rows[:200]))
    expect(page.get_by_text(f"selected {len(rows)} {kind}: {words}.", exact=True)).to_be_visible()
    expect(page.locator(".scatter")).to_have_attribute("data-selected", str(len(rows)))


def cluster(at: int, count: int = COUNT) -> np.ndarray:
    return np.flatnonzero(planted_places(count)[1] == at)


def test_a_lasso_selects_exactly_what_it_encloses_and_shift_adds(opened: Callable[..., Page]) -> None:
    page = opened()
    drag_around(page, cluster(2))
    expect_selected(page, cluster(2))
    drag_around(page, cluster(1), shift=True)
    expect_selected(page, np.sort(np.concatenate([cluster(1), cluster(2)])))
    drag_around(page, cluster(0))
    expect_selected(page, cluster(0))
    page.get_by_role("button", name="Clear the map").click()
    expect_selected(page, np.array([], dtype=int))
    drag_around(page, cluster(3))
    expect_selected(page, cluster(3))
    canvas(page).press("Escape")
    expect_selected(page, np.array([], dtype=int))


def test_a_box_a_click_a_double_click_and_the_legend(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("radio", name="Box").click()
    found = places(page, cluster(1))
    (left, top), (right, bottom) = found.min(axis=0), found.max(axis=0)
    page.mouse.move(left - 9, top - 9)
    page.mouse.down()
    page.mouse.move(right + 9, bottom + 9, steps=3)
    page.mouse.up()
    expect_selected(page, cluster(1))
    row = int(
        np.argmin(np.abs(planted_places(COUNT)[0] - 0.0).sum(axis=1))
    )  # at a corner, nothing on top of it
    page.mouse.click(*place(page, row))
    expect_selected(page, np.array([row]), "point")
    page.mouse.dblclick(*place(page, row))
    expect(page.get_by_text(f"opened {row}", exact=True)).to_be_visible()
    page.get_by_role("button", name="<b>last</b> 50").click()  # a name is text, never HTML
    expect_selected(page, cluster(3))


def test_pointing_says_what_a_point_is(opened: Callable[..., Page]) -> None:
    page = opened()
    row = int(np.argmax(planted_places(COUNT)[0].sum(axis=1)))
    assert row % 4 == 3
    page.mouse.move(*place(page, row))
    expect(page.locator(".scatter .tip")).to_contain_text(
        re.compile(rf"d called <i>c</i> with {round((0.5 + row / (COUNT - 1) / 2) * 254) / 2.54:.0f}%")
    )


def test_keys_move_zoom_and_select_what_is_in_view(opened: Callable[..., Page]) -> None:
    page = opened()
    canvas(page).focus()
    before = place(page, 0)
    canvas(page).press("ArrowRight")
    after = place(page, 0)
    assert after[0] == pytest.approx(before[0] - 60, abs=1) and after[1] == pytest.approx(before[1], abs=1)
    canvas(page).press("0")
    expect(page.locator(".scatter")).to_have_attribute("data-zoom", "1.000")
    canvas(page).press("Enter")
    expect_selected(page, np.arange(COUNT))
    for _ in range(4):
        canvas(page).press("+")
    zoomed = f"{1.6**4:.3f}"
    expect(page.locator(".scatter")).to_have_attribute("data-zoom", zoomed)
    page.get_by_text("Only the first").click()  # the script runs again: the view stays
    expect(page.locator(".scatter .legend")).to_contain_text("150 filtered out")
    expect(page.locator(".scatter")).to_have_attribute("data-zoom", zoomed)


def test_what_is_filtered_out_is_neither_selected_nor_pointed_at(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_text("Only the first").click()
    expect(page.locator(".scatter .legend")).to_contain_text("150 filtered out")
    drag_around(page, np.arange(COUNT), margin=8)
    expect_selected(page, cluster(0))
    page.mouse.move(*place(page, 3))
    expect(page.locator(".scatter .tip")).to_be_hidden()


def test_ctrl_wheel_zooms_about_the_pointer_and_the_plain_wheel_scrolls(opened: Callable[..., Page]) -> None:
    page = opened()
    row = int(cluster(2)[5])
    before = place(page, row)
    pointer = np.floor(before) + np.array([40, 30])  # whole pixels: the wheel knows no others
    page.mouse.move(*pointer)
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator(".scatter")).not_to_have_attribute("data-zoom", "1.000")
    zoom = page.locator(".scatter").get_attribute("data-zoom") or "nan"
    assert place(page, row) == pytest.approx(pointer + float(zoom) * (before - pointer), abs=1)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    assert page.locator(".scatter").get_attribute("data-zoom") == zoom


def test_fifty_thousand_points_are_drawn_and_selected(opened: Callable[..., Page]) -> None:
    page = opened(50_000)
    rows = cluster(2, 50_000)
    drag_around(page, rows, margin=2)
    expect_selected(page, rows)
    frames = canvas(page).evaluate("c => Array.from({length: 5}, () => c.redrawMilliseconds())")
    assert min(frames) < 300  # a guard against a drawing of seconds; figures are measured in benchmarks
