"""The matrix by itself, on made-up counts: what is clicked, typed, pointed at and saved."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pages.shared.matrix import confusion_matrix
from tests.browser.component_app import entry_names, planted_counts
from tests.browser.conftest import Server

Opener = Callable[..., Page]
SIZES = (2, 34, 200, 1000)
Place = tuple[int | None, int | None]


@pytest.fixture
def matrix(components: Server, open_page: Opener) -> Callable[..., Page]:
    """Open the matrix app with query parameters and wait until the matrix is drawn."""

    def opened(width: int = 1440, dark_theme: bool = False, **query: object) -> Page:
        query = {"items": 0, **query}
        words = "&".join(f"{name}={value}" for name, value in query.items())
        page = open_page(f"{components.url}/?{words}", width=width, dark=dark_theme)
        expect(page.locator(".matrix[data-ready=true]")).to_be_visible(timeout=240_000)
        return page

    return opened


def canvas(page: Page) -> Locator:
    return page.locator(".st-key-confusion_matrix canvas.cells")


def centre(page: Page, place: Place) -> dict[str, float]:
    script = "(canvas, [row, column]) => canvas.cellCentre(row, column)"
    point: dict[str, float] = canvas(page).evaluate(script, list(place))
    return point


def click(page: Page, place: Place) -> None:
    """Click where the place is, in view of the page, to a fraction of a pixel."""
    canvas(page).scroll_into_view_if_needed()
    point = centre(page, place)
    box = canvas(page).bounding_box()
    assert box is not None
    if not 0 <= box["y"] + point["y"] < 1000:
        page.mouse.wheel(0, box["y"] + point["y"] - 500)
        page.wait_for_function("y => document.querySelector('.stMain').scrollTop > 0", arg=0)
        box = canvas(page).bounding_box()
        assert box is not None
    page.mouse.click(box["x"] + point["x"], box["y"] + point["y"])


def point_at(page: Page, place: Place) -> None:
    point = centre(page, place)
    canvas(page).hover(position={"x": point["x"], "y": point["y"]})


def expect_heard(page: Page, place: Place, clicks: int) -> None:
    expect(page.get_by_text(f"place {place[0]} {place[1]} clicks {clicks}", exact=True)).to_be_visible()
    shown = ",".join("" if index is None else str(index) for index in place)
    expected = "" if place == (None, None) else shown
    expect(page.locator(".matrix")).to_have_attribute("data-selected", expected)


def words(page: Page) -> Locator:
    return page.locator(".matrix .tip-words")


def view_cell(page: Page) -> float:
    return float(page.locator(".matrix").get_attribute("data-cell") or "nan")


def pixels(page: Page) -> np.ndarray:
    """What the canvas of cells shows, (height, width, RGB), at one device pixel per CSS pixel."""
    image = canvas(page).evaluate("c => c.toDataURL().split(',')[1]")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGBA"), dtype=int)


def emptiest(entries: int) -> tuple[int, int]:
    rows, columns = np.nonzero(planted_counts(entries) == 0)
    middle = len(rows) // 2
    return int(rows[middle]), int(columns[middle])


@pytest.mark.parametrize("entries", SIZES)
def test_corners_empty_cells_and_labels_are_clicked_exactly(
    matrix: Callable[..., Page], entries: int
) -> None:
    page = matrix(entries=entries)
    last = entries - 1
    places: list[Place] = [(0, 0), (0, last), (last, 0), (last, last), emptiest(entries)]
    places += [(last, None), (None, last), (0, None), (None, 0)]
    for at, place in enumerate(places, start=1):
        click(page, place)
        expect_heard(page, place, at)


@pytest.mark.parametrize(("entries", "row", "column"), [(12, 3, 9), (34, 31, 12), (200, 150, 20)])
def test_what_is_drawn_is_where_it_is_clicked(
    matrix: Callable[..., Page], entries: int, row: int, column: int
) -> None:
    page = matrix(entries=entries, dark=f"{row},{column}")
    shown = pixels(page)
    darkest = np.abs(shown[..., :3] - np.array([127, 0, 0])).sum(axis=-1) < 12
    ys, xs = np.nonzero(darkest & (shown[..., 3] > 0))
    assert len(xs) >= 4, "the one outstanding error is not drawn in the darkest colour"
    for clicks, (x, y) in enumerate(((xs.min(), ys.min()), (xs.max(), ys.max())), start=1):
        canvas(page).click(position={"x": x + 0.5, "y": y + 0.5})  # the first and the last pixel of the cell
        expect_heard(page, (row, column), clicks)


def test_one_error_among_a_million_cells_can_be_seen(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=1000, dark="700,200")
    shown = pixels(page)
    ys, xs = np.nonzero(np.abs(shown[..., :3] - np.array([127, 0, 0])).sum(axis=-1) < 12)
    assert len(xs) >= 4
    point = centre(page, (700, 200))
    assert abs(xs.mean() + 0.5 - point["x"]) < 1.5
    assert abs(ys.mean() + 0.5 - point["y"]) < 1.5


def test_the_same_cell_can_be_clicked_again(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    for clicks in (1, 2, 3):
        click(page, (5, 7))
        expect_heard(page, (5, 7), clicks)


def test_the_script_can_move_the_mark(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    click(page, (5, 7))
    expect_heard(page, (5, 7), 1)
    page.get_by_role("button", name="Choose the last cell").click()
    expect_heard(page, (33, 33), 1)
    click(page, (5, 7))
    expect_heard(page, (5, 7), 2)


def test_quick_clicks_end_on_the_last(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    for column in range(8):
        click(page, (20, column))
    expect(page.get_by_text("place 20 7 clicks")).to_be_visible()
    page.wait_for_timeout(300)  # late echoes of the earlier ones must not take the mark back
    expect(page.locator(".matrix")).to_have_attribute("data-selected", "20,7")


@pytest.mark.parametrize("entries", [200, 1000])
def test_zoomed_clicks_are_exact_and_the_view_stays(matrix: Callable[..., Page], entries: int) -> None:
    page = matrix(entries=entries)
    place = (entries // 3, entries // 2)
    click(page, place)
    expect_heard(page, place, 1)
    for _ in range(8):
        if page.get_by_role("button", name="Zoom in").is_enabled():
            page.get_by_role("button", name="Zoom in").click()
    zoomed = view_cell(page)
    assert zoomed == 36
    beside = (place[0] + 2, place[1] - 3)
    click(page, beside)
    expect_heard(page, beside, 2)
    click(page, (beside[0], None))
    expect_heard(page, (beside[0], None), 3)
    assert view_cell(page) == zoomed
    page.get_by_role("button", name="Show all").click()
    click(page, (0, entries - 1))
    expect_heard(page, (0, entries - 1), 4)


def test_dragging_moves_the_view_and_opens_nothing(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=200)
    click(page, (100, 100))
    expect_heard(page, (100, 100), 1)
    canvas(page).press("+")
    canvas(page).press("+")
    canvas(page).press("+")
    before = centre(page, (100, 100))
    box = canvas(page).bounding_box()
    assert box is not None
    x, y = box["x"] + before["x"], box["y"] + before["y"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    after = centre(page, (100, 100))
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((60, 40), abs=1)
    expect_heard(page, (100, 100), 1)
    click(page, (99, 98))
    expect_heard(page, (99, 98), 2)


def test_ctrl_wheel_zooms_about_the_pointer_and_the_plain_wheel_scrolls_the_page(
    matrix: Callable[..., Page],
) -> None:
    page = matrix(entries=200, items=60)
    point_at(page, (120, 80))
    before = centre(page, (120, 80))
    page.keyboard.down("Control")
    for _ in range(5):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator(".matrix")).not_to_have_attribute("data-zoom", "1.000")
    after = centre(page, (120, 80))
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=view_cell(page))
    cell = view_cell(page)
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => document.querySelector('.stMain').scrollTop > 50")
    assert view_cell(page) == cell


def test_the_keyboard_moves_opens_zooms_and_clears(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    click(page, (10, 10))
    expect_heard(page, (10, 10), 1)
    keys = canvas(page)
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    expect(page.locator(".matrix")).to_have_attribute("data-selected", "11,12")
    expect_heard(page, (11, 12), 2)  # three quick steps open one cell
    keys.press("Enter")
    expect_heard(page, (11, 12), 3)
    keys.press("Home")
    expect_heard(page, (11, 0), 4)
    keys.press("ArrowLeft")
    expect_heard(page, (11, None), 5)
    keys.press("Control+End")
    expect_heard(page, (33, 33), 6)
    keys.press("+")
    expect(page.locator(".matrix")).not_to_have_attribute("data-zoom", "1.000")
    keys.press("0")
    expect(page.locator(".matrix")).to_have_attribute("data-zoom", "1.000")
    keys.press("Escape")
    expect_heard(page, (None, None), 7)


def test_a_moving_mark_stays_in_sight(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=200)
    click(page, (50, 50))
    expect_heard(page, (50, 50), 1)
    for _ in range(5):
        canvas(page).press("+")
    canvas(page).press("Control+End")
    expect_heard(page, (199, 199), 2)
    box = canvas(page).bounding_box()
    point = centre(page, (199, 199))
    assert box is not None
    assert 0 < point["x"] < box["width"]
    assert 0 < point["y"] < box["height"]


def test_hovering_says_the_cell_in_words(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34, dark="31,12")
    point_at(page, (31, 12))
    total = int(planted_counts(34)[31].sum()) + 60
    expect(words(page)).to_have_text(
        f"60 of {total} staffordshire_bull_terrier called american_staffordshire_terrier"
    )
    point_at(page, (0, 33))
    expect(words(page)).to_have_text(re.compile(r"no Abyssinian called yorkshire_terrier \(0 of \d+\)"))
    point_at(page, (4, 4))
    expect(words(page)).to_have_text(
        re.compile(r"\d+ of \d+ British_Shorthair called British_Shorthair, which is right")
    )
    point_at(page, (7, None))
    expect(words(page)).to_have_text(
        re.compile(r"Persian: \d+ images, \d+ called so, \d+ called something else")
    )
    point_at(page, (None, 7))
    expect(words(page)).to_have_text(re.compile(r"called Persian: \d+ images, \d+ rightly, \d+ wrongly"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("label", "{rate}% of Bengal called Birman ({count} of {row})"),
        ("prediction", "{rate}% of what is called Birman is Bengal ({count} of {column})"),
    ],
)
def test_rates_are_said_with_their_counts(matrix: Callable[..., Page], values: str, expected: str) -> None:
    counts = planted_counts(34)
    count, row, column = int(counts[1, 2]), int(counts[1].sum()), int(counts[:, 2].sum())
    assert count > 0
    rate = round(100 * count / (row if values == "label" else column))
    page = matrix(entries=34, values=values)
    point_at(page, (1, 2))
    expect(words(page)).to_have_text(expected.format(rate=rate, count=count, row=row, column=column))


def spoken(page: Page) -> Locator:
    return page.locator(".matrix .live")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("counts", "{count} of {row} Birman called one of Birman"),
        ("label", "{row_rate}% of Birman called one of Birman ({count} of {row})"),
        ("prediction", "{column_rate}% of what is called one of Birman is Birman ({count} of {column})"),
    ],
)
def test_the_diagonal_of_a_folded_group_is_not_called_right(
    matrix: Callable[..., Page], values: str, expected: str
) -> None:
    counts = planted_counts(12)
    count, row, column = int(counts[2, 2]), int(counts[2].sum()), int(counts[:, 2].sum())
    rates = {"row_rate": round(100 * count / row), "column_rate": round(100 * count / column)}
    said = expected.format(count=count, row=row, column=column, **rates)
    page = matrix(entries=12, values=values, folded=2)
    point_at(page, (2, 2))
    expect(words(page)).to_have_text(said)
    click(page, (2, 2))
    expect(spoken(page)).to_have_text(said)
    point_at(page, (2, None))
    expect(words(page)).to_have_text(
        f"Birman: {row} images, {count} called one of Birman, {row - count} called something else"
    )
    point_at(page, (None, 2))
    expect(words(page)).to_have_text(
        f"called one of Birman: {column} images, {count} of them Birman, {column - count} not"
    )
    point_at(page, (3, 3))  # a class beside it is as right as ever
    expect(words(page)).to_have_text(re.compile(r"called .*Bombay.*, which is right$"))


@pytest.mark.parametrize("values", ["counts", "label", "prediction"])
def test_blanked_cells_are_said_to_be_few_not_none(matrix: Callable[..., Page], values: str) -> None:
    counts = planted_counts(34)
    blanked = (counts == 2) & ~np.eye(34, dtype=bool)
    row, column = (int(index[0]) for index in np.nonzero(blanked))
    names = entry_names(34)
    said = f"fewer than 3 of {counts[row].sum()} {names[row]} called {names[column]}"
    page = matrix(entries=34, values=values, min_count=3)
    point_at(page, (row, column))
    expect(words(page)).to_have_text(said)
    click(page, (row, column))
    expect(spoken(page)).to_have_text(said)
    row, column = (int(index[0]) for index in np.nonzero((counts >= 3) & ~np.eye(34, dtype=bool)))
    point_at(page, (row, column))
    expect(words(page)).to_contain_text(f"{counts[row, column]} of ")
    expect(words(page)).not_to_contain_text("fewer")


def test_a_least_count_of_one_blanks_nothing(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34, min_count=1)
    point_at(page, (0, 33))
    expect(words(page)).to_have_text(re.compile(r"no Abyssinian called yorkshire_terrier \(0 of \d+\)"))


@pytest.mark.parametrize(("shortcut", "key"), [("Right", "ArrowRight"), ("Esc", "Escape")])
def test_keys_of_the_matrix_are_not_shortcuts_of_the_page(
    matrix: Callable[..., Page], shortcut: str, key: str
) -> None:
    page = matrix(entries=34, shortcut=shortcut)
    click(page, (5, 7))
    expect_heard(page, (5, 7), 1)
    canvas(page).press(key)
    expect_heard(page, (5, 8) if key == "ArrowRight" else (None, None), 2)
    expect(page.get_by_text("shortcuts 0", exact=True)).to_be_visible()
    page.get_by_text("shortcuts 0", exact=True).click()  # the focus leaves the matrix
    page.keyboard.press(key)
    expect(page.get_by_text("shortcuts 1", exact=True)).to_be_visible()


def test_cells_too_small_to_see_are_shown_through_a_lens(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=1000)
    point_at(page, (400, 600))
    expect(page.locator(".matrix .lens")).to_be_visible()
    expect(words(page)).to_contain_text(entry_names(1000)[400])
    page = matrix(entries=34)
    point_at(page, (4, 6))
    expect(words(page)).not_to_be_empty()
    expect(page.locator(".matrix .lens")).to_be_hidden()


@pytest.mark.parametrize(("width", "least"), [(1440, 18), (800, 14), (500, 9)])
def test_34_long_names_have_a_row_each(matrix: Callable[..., Page], width: int, least: int) -> None:
    page = matrix(entries=34, width=width, groups=1)
    assert view_cell(page) >= least
    box = canvas(page).bounding_box()
    assert box is not None
    assert centre(page, (33, 33))["x"] < box["width"] - view_cell(page)


def test_a_change_of_theme_is_followed_at_once(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    point = centre(page, (0, 33))
    assert pixels(page)[int(point["y"]), int(point["x"]), :3].mean() > 230
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".stApp")).to_have_css("background-color", "rgb(20, 24, 29)")
    page.wait_for_function(
        "([x, y]) => document.querySelector('.st-key-confusion_matrix [data-testid=stBidiComponentIsolated]')"
        ".shadowRoot.querySelector('.cells').getContext('2d').getImageData(x, y, 1, 1).data[0] < 60",
        arg=[int(point["x"]), int(point["y"])],
    )


def test_the_dark_theme_is_drawn_dark(matrix: Callable[..., Page]) -> None:
    empty = {}
    for dark in (False, True):
        page = matrix(entries=34, dark_theme=dark)
        point = centre(page, (0, 33))
        empty[dark] = pixels(page)[int(point["y"]), int(point["x"]), :3].mean()
    assert empty[False] > 230
    assert empty[True] < 60


def test_the_diagonal_can_be_hidden_or_dimmed_and_still_be_clicked(matrix: Callable[..., Page]) -> None:
    colours = {}
    for diagonal in ("shown", "dimmed", "hidden"):
        page = matrix(entries=12, diagonal=diagonal)
        point = centre(page, (2, 2))
        colours[diagonal] = tuple(pixels(page)[int(point["y"]) - 15, int(point["x"]) + 15, :3])
        click(page, (2, 2))
        expect_heard(page, (2, 2), 1)
    assert len(set(colours.values())) == 3
    red, _, blue = colours["shown"]
    assert blue > red + 40


@pytest.mark.parametrize("entries", [2, 34, 1000])
def test_the_picture_holds_the_whole_matrix_even_when_zoomed(
    matrix: Callable[..., Page], entries: int
) -> None:
    page = matrix(entries=entries, dark=f"0,{entries - 1}")
    if entries > 2:
        canvas(page).press("+")
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "confusion_matrix.png"
    with Image.open(download.value.path()) as picture:
        width, height = picture.size
        corner = picture.crop((width // 2, 0, width, height // 2)).convert("RGB")
    assert min(width, height) >= (9 * 0.85 * entries if entries > 100 else 2 * 11 * entries)
    assert (127, 0, 0) in {colour for _, colour in corner.getcolors(2**24) or []}, (
        "a corner is not in the picture"
    )


def test_a_new_width_keeps_clicks_exact(matrix: Callable[..., Page]) -> None:
    page = matrix(entries=34)
    page.set_viewport_size({"width": 620, "height": 1000})
    expect(canvas(page)).not_to_have_css("width", "1280px")
    click(page, (33, 0))
    expect_heard(page, (33, 0), 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": np.zeros((2, 3), dtype=int)}, "counts has shape"),
        ({"row_totals": np.zeros(3, dtype=int)}, "row_totals has shape"),
        ({"column_totals": np.zeros(3, dtype=int)}, "column_totals has shape"),
        ({"groups": ["cat"]}, "1 groups for 2 labels"),
        ({"is_group": [True]}, "1 values for 2 labels"),
        ({"selected": (0, 2)}, "outside 2 entries"),
        ({"selected": (-1, None)}, "outside 2 entries"),
        ({"labels": []}, "not 0"),
    ],
)
def test_arguments_that_disagree_are_refused(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "labels": ["cat", "dog"],
        "counts": np.ones((2, 2), dtype=int),
        "row_totals": np.array([2, 2]),
        "on_click": lambda click: None,
    }
    with pytest.raises(ValueError, match=message):
        confusion_matrix(**{**arguments, **changes})  # type: ignore[arg-type]
