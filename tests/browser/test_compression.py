"""The page about smaller networks, as a person uses it on the sample: keep one, see who pays, compare."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Server

Opener = Callable[..., Page]
SLOW = 240_000


def test_a_half_precision_version_is_kept_and_compared(evaluated_server: Server, open_page: Opener) -> None:
    page = open_page(evaluated_server.url)
    page.get_by_role("link", name="Compression").click()
    ways = page.locator(".st-key-compression_way")
    expect(page.locator(".st-key-compression")).to_contain_text("Structured pruning")
    ways.get_by_text("Half precision").click()
    page.locator(".st-key-save_half button").click()
    kept = page.locator('[class*="st-key-compressed_2"]').first
    expect(kept).to_contain_text("less", timeout=SLOW)
    for words in ("File", "One image", "Right", "Fixed", "Broken", "Classes that pay most"):
        expect(kept).to_contain_text(words)
    kept.get_by_role("link", name="Before and after").click()
    comparison = page.locator(".st-key-comparison")
    expect(comparison).to_contain_text("The smaller network has learned nothing", timeout=SLOW)
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".st-key-version_shown")).to_contain_text("Half precision")
    expect(page.locator(".st-key-version_shown")).to_contain_text("Price")


def test_the_honest_word_on_zeros_and_the_way_to_a_sweep(evaluated_server: Server, open_page: Opener) -> None:
    page = open_page(evaluated_server.url)
    page.get_by_role("link", name="Compression").click()
    page.locator(".st-key-compression_way").get_by_text("Zeros in place").click()
    whole = page.locator(".st-key-compression")
    expect(whole).to_contain_text("The file stays as large")
    expect(page.locator(".st-key-sweep_magnitude button")).to_contain_text("Try 8 amounts")
    page.locator(".st-key-sweep_magnitude button").click()
    running = page.locator(".st-key-sweep_magnitude_running")
    expect(running).to_be_visible()
    running.get_by_role("button", name="Cancel").click()
    expect(page.locator(".st-key-sweep_magnitude button")).to_contain_text("Go on", timeout=SLOW)
