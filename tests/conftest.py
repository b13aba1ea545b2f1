"""What every test shares: where things are, and the loud word when browser tests cannot run."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "real"
SAMPLE = ROOT / "sample_data"
# The references are computed on the processor; what is about a card says so itself.
os.environ.setdefault("ERRORSCOPE_DEVICE", "cpu")
if "PYTEST_XDIST_WORKER" in os.environ:
    # The processes of pytest share the cores: where each took all, threads would mostly wait for each other. What the
    # tests start inherits it. torch and numpy read it when they are imported, which is after this.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """The Chromium of this machine, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium_path() or os.environ.get("REQUIRE_BROWSER") == "1":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium found: install it, or set CHROMIUM"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not chromium_path():
        terminalreporter.section("BROWSER TESTS WERE SKIPPED", red=True, bold=True)
        terminalreporter.line("No Chromium was found, so nothing that a person clicks was tested.")
        terminalreporter.line(
            "Install Chromium (Debian: apt-get install chromium), or set CHROMIUM to its path."
        )


@pytest.fixture(scope="session")
def sample() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def real() -> Path:
    """The real photos and weights, kept beside the project and never inside it."""
    if not REAL.is_dir():
        pytest.skip("the real photos are not beside this checkout (../shared/real)")
    return REAL
