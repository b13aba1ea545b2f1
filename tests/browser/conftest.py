"""A server and a Chromium for the tests that click what a person clicks."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from tests.conftest import ROOT, chromium_path

START_SECONDS = 60
BEING_DRAWN = "[data-testid=stApp][data-test-script-state=running]"
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            if os.environ.get("CI"):
                # Chromium, a server and all other tests share two cores there; what is listed as RERUN is looked into
                item.add_marker(pytest.mark.flaky(reruns=1))


@dataclass
class Server:
    """A running app: its address, its workspace folder and its process."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(
        f"the server did not answer in {START_SECONDS} s:\n{log.read_text(errors='replace')}"
    )


def start_server(home: Path, *arguments: str, script: Path = ROOT / "app.py") -> Server:
    """Run a Streamlit script on a free port with its own workspace."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "server.log"
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
        "--",
        *arguments,
    ]
    environment = {**os.environ, "ERRORSCOPE_HOME": str(home / "workspace"), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(f"http://127.0.0.1:{port}", home, process, log)
    wait_until_healthy(server.url, process, log)
    return server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    assert path, "no Chromium found, and REQUIRE_BROWSER=1 wants one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser
        browser.close()


def let_it_finish(_: Locator) -> None:
    """Playwright itself then waits until the page is no more being drawn."""


def ignored(words: str) -> None:
    """What the console says is looked at by some tests only."""


def words_of(message: ConsoleMessage) -> str:
    """An error of the console, with the address it is about."""
    return f"{message.text} {message.location.get('url', '')}"


def matrix_stands(page: Page, *, timeout: float = 240_000) -> None:
    """Wait for the matrix; the first time, the images are evaluated before it."""
    expect(page.locator(".st-key-confusion_matrix canvas").first).to_be_visible(timeout=timeout)


def choose(page: Page, key: str, name: str) -> None:
    """Choose an entry of a list by typing its name."""
    box = page.locator(f".st-key-{key} input")
    box.click()
    box.fill(name)
    page.get_by_role("option", name=name, exact=True).click()
    expect(box).to_have_value(name)


def unfold(page: Page, key: str, *, timeout: float = 30_000) -> None:
    """Open what is folded, and wait until it lies still: a press on what moves ends beside it."""
    folded = page.locator(f".st-key-{key}")
    folded.locator("summary").click(timeout=timeout)
    expect(folded.locator("details")).to_have_attribute("open", "")
    folded.evaluate(
        "folded => new Promise(still => setTimeout(still, 50)).then(() => Promise.allSettled("
        "folded.getAnimations({subtree: true}).filter(each => each.effect.getTiming().iterations !== Infinity)"
        ".map(each => each.finished)))"
    )


def drag(page: Page, picture: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on a picture, from one place to another in shares of its width and height, once it lies still."""
    picture.scroll_into_view_if_needed()
    picture.hover()  # waits until nothing above it opens or moves any more
    box = picture.bounding_box()
    assert box
    left, top, width, height = (box[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(left + start[0] * width, top + start[1] * height)
    page.mouse.down()
    for share in (0.5, 1.0):
        x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
        page.mouse.move(left + x * width, top + y * height)
    page.mouse.up()


class WarmContext:
    """A browser context that is kept for a server, as clean as a fresh one whenever a page is opened in it.

    Streamlit's scripts are several megabytes; a fresh context loads and compiles them again, which is most of the
    time of opening a page. Here they are compiled already: the context keeps them, and so does the process of the
    page that stays open on a small address of the server.
    """

    def __init__(self, browser: Browser, server: str) -> None:
        self.server = server
        self.context = browser.new_context(accept_downloads=True)
        self.stays = self.context.new_page()
        self.crashed = False
        self.stays.on("crash", self.crash)
        self.stays.goto(f"{server}/_stcore/health")

    def crash(self, _: Page) -> None:
        self.crashed = True

    def cleaned(self) -> BrowserContext:
        """The context, without what a page before has kept in it: the width of the sidebar, the theme."""
        if len(self.context.pages) == 1:
            self.context.clear_cookies()
        self.stays.evaluate("localStorage.clear()")
        return self.context

    def close_pages(self) -> None:
        for page in self.context.pages:
            if page != self.stays:
                page.close()


@pytest.fixture(scope="session")
def warm_context(browser: Browser) -> Iterator[Callable[[str], WarmContext]]:
    """The context of a server by its address; that of the server before is closed, once it has no page any more."""
    kept: dict[str, WarmContext] = {}

    def context_of(server: str) -> WarmContext:
        if server not in kept or kept[server].crashed:
            for other in [each for each in kept.values() if each.crashed or len(each.context.pages) == 1]:
                kept.pop(other.server).context.close()
            kept[server] = WarmContext(browser, server)
        return kept[server]

    yield context_of
    for each in kept.values():
        each.context.close()


@pytest.fixture
def open_page(warm_context: Callable[[str], WarmContext]) -> Iterator[Callable[..., Page]]:
    """Open an address in a new page that knows of none before; the test fails on an uncaught script error.

    Clicks and expectations wait for a page that is being drawn anew, as a person does who looks before he clicks;
    with ``at_rest=False`` they do not, where a test is about the drawing itself.
    """
    problems: list[str] = []
    contexts = []

    def opened(
        url: str,
        *,
        width: int = 1440,
        height: int = 1000,
        dark: bool = False,
        on_error: Callable[[str], None] = ignored,
        at_rest: bool = True,
    ) -> Page:
        warm = warm_context("/".join(url.split("/", 3)[:3]))
        contexts.append(warm)
        page = warm.cleaned().new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        if at_rest:
            page.add_locator_handler(page.locator(BEING_DRAWN), let_it_finish)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: on_error(words_of(message)) if message.type == "error" else None)
        page.goto(url)
        return page

    yield opened
    for warm in contexts:
        warm.close_pages()
    assert not problems


@pytest.fixture(scope="session")
def sample_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as `make run` starts it, on the sample data, in an empty workspace."""
    server = start_server(tmp_path_factory.mktemp("sample"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def evaluated_server(sample_server: Server, browser: Browser) -> Server:
    """The same, when the sample has been evaluated: any page can be the first that a test opens."""
    page = browser.new_page()
    page.goto(sample_server.url)
    matrix_stands(page)
    page.close()
    return sample_server


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory, real: Path) -> Iterator[Server]:
    """The app on the real breed classifier and its 476 photos."""
    weights = real / "weights" / "mobilenet_v2_pets34.pth"
    server = start_server(
        tmp_path_factory.mktemp("real"), "--model", str(weights), "--images", str(real / "pets" / "val")
    )
    yield server
    server.stop()


@pytest.fixture(scope="session")
def components(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The matrix and the gallery alone, on data of the tests' own."""
    server = start_server(
        tmp_path_factory.mktemp("components"), script=Path(__file__).with_name("component_app.py")
    )
    yield server
    server.stop()
