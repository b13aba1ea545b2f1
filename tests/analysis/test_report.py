import re
from html.parser import HTMLParser

import numpy as np
import pytest

from analysis.report import report_html
from models.images import Unreadable
from tests.analysis.full_report import jpeg, no_pictures, some_predictions
from tests.analysis.planted_predictions import planted_predictions

EVIL = '<script>alert("1")</script>'


class _Page(HTMLParser):
    """The tags of a page, its words, and whether every tag that opens also closes."""

    VOID = ("meta", "img", "wbr", "br", "rect", "path", "circle")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "h2":
            self.headings.append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._open and self._open[-1] == "h2":
            self.headings[-1] += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_says_the_figures_and_shows_pictures() -> None:
    predictions = some_predictions(groups={"Bengal": "cat"} | {f"class_{i}": "dog" for i in range(1, 8)})
    page = _Page(report_html(predictions, facts={"Checkpoint": "pets.pth"}, pictures=jpeg))
    right = int((predictions.labels == predictions.predicted).sum())
    assert f"{right} of 160 images are right" in page.words
    assert page.headings == [
        "What is taken for what",
        "Where most errors are",
        "Errors that nothing leads one to expect",
        "Pairs that are taken for each other",
        "Class by class",
        "How this was made",
    ]
    assert "pets.pth" in page.words
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) > 20
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") for image in images)
    assert all(image["alt"] for image in images)


def test_every_cell_of_the_matrix_is_drawn_with_its_words() -> None:
    predictions = some_predictions()
    page = _Page(report_html(predictions, facts={}, pictures=no_pictures))
    pairs = set(zip(predictions.labels.tolist(), predictions.predicted.tolist(), strict=True))
    squares = [a for tag, a in page.tags if tag == "rect" and a.get("class") in ("right", "wrong")]
    assert len(squares) == len(pairs)


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = report_html(some_predictions(), facts={"Checkpoint": "x"}, pictures=jpeg)
    page = _Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert str(attributes.get(name, "data:")).startswith("data:")
    assert not re.search(r"url\(|@import|https?://", html)


@pytest.mark.parametrize("pictures", [jpeg, no_pictures])
def test_names_are_text_and_never_run(pictures: object) -> None:
    predictions = some_predictions(
        first=EVIL,
        unreadable=(Unreadable(f"{EVIL}/x.jpg", f"{EVIL} is broken"),),
        groups={EVIL: EVIL, "class_1": "b"},
    )
    html = report_html(predictions, facts={EVIL: EVIL}, pictures=pictures)  # type: ignore[arg-type]
    page = _Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in html
    assert EVIL in page.words


def test_too_many_classes_have_a_list_instead_of_a_matrix() -> None:
    page = _Page(report_html(some_predictions(n_classes=70), facts={}, pictures=no_pictures))
    assert "svg" not in {tag for tag, _ in page.tags}
    assert "A matrix of 70 classes is too large to read" in page.words
    assert "Where most errors are" in page.headings


def test_without_pictures_the_paths_are_said() -> None:
    predictions = some_predictions()
    page = _Page(report_html(predictions, facts={}, pictures=no_pictures))
    assert "img" not in {tag for tag, _ in page.tags}
    wrong = predictions.images[predictions.labels != predictions.predicted]
    assert sum(path in page.words for path in wrong["path"]) > 12


def test_a_network_without_errors_has_a_page_too() -> None:
    labels = np.array([0, 1, 2, 2])
    page = _Page(
        report_html(planted_predictions(labels, ("a", "b", "c"), predicted=labels), facts={}, pictures=jpeg)
    )
    assert "4 of 4 images are right" in page.words
    assert page.headings == ["Class by class", "How this was made"]


def test_predictions_without_probabilities_say_nothing_of_confidence() -> None:
    labels, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    page = _Page(
        report_html(
            planted_predictions(labels, ("a", "b", "c"), predicted=predicted), facts={}, pictures=jpeg
        )
    )
    assert "sure" not in page.words and "some images of each" in page.words
    assert "nan" not in page.words


def test_unreadable_images_are_listed() -> None:
    predictions = some_predictions(unreadable=(Unreadable("a/b.jpg", "the file is truncated"),))
    page = _Page(report_html(predictions, facts={}, pictures=no_pictures))
    assert "Images that could not be read" in page.headings
    assert "a/b.jpg" in page.words and "the file is truncated" in page.words
    assert "1image could not be read" in page.words
