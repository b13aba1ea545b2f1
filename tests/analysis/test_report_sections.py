"""The sections of other analyses: all of them when there is something, none when there is nothing."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from analysis.report import report_html
from analysis.report_drawing import SIDE, drawn_calibration, map_picture
from analysis.report_parts import (
    REPORT_SECTIONS,
    CalibrationBin,
    CalibrationPart,
    MapPart,
    ReportParts,
    image_line,
)
from analysis.report_sections import ReportSections
from tests.analysis.full_report import HEADINGS, full_parts, jpeg, no_pictures, some_predictions
from tests.analysis.test_report import EVIL, _Page


def page_of(parts: ReportParts | None, **more: object) -> _Page:
    options = {"facts": {}, "pictures": jpeg, **more}
    return _Page(report_html(some_predictions(), parts=parts, **options))  # type: ignore[arg-type]


def test_every_part_has_its_section_and_nothing_else_has() -> None:
    predictions = some_predictions()
    page = page_of(full_parts(predictions))
    assert page.headings == HEADINGS
    assert "words is the matter." in page.words
    assert "31.0% wrong" in page.words and "48 images; 9.0% of the others are wrong" in page.words
    assert "Expected calibration error 0.081" in page.words and "0.010 to 0.030" in page.words
    assert "10.0% to 30.0%" in page.words and "score 3.25" in page.words
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert all(str(image["src"]).startswith("data:image/") for image in images)
    assert all(image["alt"] for image in images)
    assert (
        page_of(None).headings
        == page_of(ReportParts()).headings
        == [heading for heading in HEADINGS if heading in (*HEADINGS[1:5], *HEADINGS[-2:])]
    )


@pytest.mark.parametrize("section", REPORT_SECTIONS)
def test_what_was_not_asked_for_is_not_there(section: str) -> None:
    place = list(REPORT_SECTIONS).index(section)
    others = [each for each in REPORT_SECTIONS if each != section]
    headings = page_of(full_parts(some_predictions()), sections=others).headings
    assert headings == [heading for heading in HEADINGS if heading != HEADINGS[place]]


def test_a_report_of_one_section_says_how_it_was_made() -> None:
    page = page_of(full_parts(some_predictions()), sections=["notes"])
    assert page.headings == ["Notes and decisions", "How this was made"]


def test_conflicting_labels_come_first() -> None:
    parts = full_parts(some_predictions())
    shown = ReportSections(parts, no_pictures).clusters.shown
    assert [each.line.conflict for each in shown] == [True, False]


def test_pictures_are_bounded_and_what_is_left_out_is_said() -> None:
    asked: list[Path] = []

    def pictures(paths: list[Path]) -> list[bytes | None]:
        asked.extend(paths)
        return jpeg(paths)

    page = page_of(full_parts(some_predictions(), times=300), pictures=pictures)
    assert len(asked) < 550
    assert "276 more candidates are left out here" in page.words
    assert "584 more clusters are left out here" in page.words and "284 more clusters" in page.words
    assert "400 more notes are left out here" in page.words
    assert "290 more kinds of image are left out here" in page.words
    assert "3 of them are not shown" in page.words and "3 mistakes are not shown" in page.words
    assert page.words.count("is the matter.") == 10


@pytest.mark.parametrize("pictures", [jpeg, no_pictures])
def test_hostile_words_stay_words(pictures: object) -> None:
    hostile = f'{EVIL}" onerror="alert(1)" x=\'{{{{ 7 * 7 }}}}</style></svg>'
    predictions = some_predictions(first=hostile)
    html = report_html(
        predictions,
        facts={hostile: hostile},
        pictures=pictures,
        parts=full_parts(predictions, hostile),  # type: ignore[arg-type]
    )
    page = _Page(html)
    assert "<script" not in html and hostile in page.words
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "link")
        assert not [name for name in attributes if name.startswith("on")]


def test_without_pictures_the_paths_of_the_images_are_said() -> None:
    predictions = some_predictions()
    page = page_of(full_parts(predictions), pictures=no_pictures)
    assert "elsewhere/words.jpg" in page.words
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 1  # the map


class TestDrawings:
    """What is drawn is where it should be."""

    def test_bins_stand_where_their_figures_say(self) -> None:
        bins = (CalibrationBin(0.25, 0.2, 5, 0.1, 0.4), CalibrationBin(0.75, 0.5, 20, 0.6, 0.9))
        drawn = drawn_calibration(
            CalibrationPart((*bins, CalibrationBin(np.nan, np.nan, 0, 0, 0)), 0, (0, 1), "")
        )
        assert [(each.x, each.y) for each in drawn.bins] == [
            (0.25 * SIDE, 0.8 * SIDE),
            (0.75 * SIDE, 0.5 * SIDE),
        ]
        assert [each.inside for each in drawn.bins] == [True, False]
        assert drawn.bins[0].radius < drawn.bins[1].radius and "nan" not in drawn.band
        assert drawn.band.count("L") == 3 and drawn.band.endswith("Z")

    def test_one_bin_has_no_band_and_none_has_nothing(self) -> None:
        one = drawn_calibration(CalibrationPart((CalibrationBin(0.5, 0.5, 3, 0, 1),), 0, (0, 1), ""))
        assert (len(one.bins), one.band) == (1, "")
        assert drawn_calibration(CalibrationPart((), 0, (0, 1), "")).bins == ()

    def test_the_diagram_is_well_formed(self) -> None:
        html = report_html(some_predictions(), facts={}, pictures=jpeg, parts=full_parts(some_predictions()))
        drawings = [f"<svg{rest.partition('</svg>')[0]}</svg>" for rest in html.split("<svg")[1:]]
        roots = [ElementTree.fromstring(drawing) for drawing in drawings]
        assert len(roots[-1].findall(".//circle")) == 10
        values = [value for each in roots[-1].iter() for value in each.attrib.values()]
        assert not any("nan" in value for value in values)

    def test_the_map_shows_wrong_images_above_right_ones(self) -> None:
        import base64
        import io

        from PIL import Image

        places = np.array([[0.0, 0.0], [0.0, 0.0], [1352 / 852, 1.0], [np.nan, 0.0]])
        source = map_picture(MapPart(places, np.array([False, True, True, True])))
        picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA")
        low_left, high_right = (24, picture.height - 24), (picture.width - 24, 24)
        colours = [picture.getpixel(place) for place in (low_left, high_right)]
        assert colours[0][0] > colours[0][2] and colours[1][2] > colours[1][0]  # type: ignore[index]
        assert picture.getpixel((picture.width // 2, picture.height // 2))[3] == 0  # type: ignore[index]

    def test_a_map_of_nothing_or_of_one_place(self) -> None:
        assert map_picture(MapPart(np.full((3, 2), np.nan), np.ones(3, bool))) == ""
        assert map_picture(MapPart(np.zeros((3, 2)), np.ones(3, bool))).startswith("data:image/png")

    def test_a_large_map_stays_small(self) -> None:
        places = np.random.default_rng(0).normal(size=(50_000, 2))
        assert len(map_picture(MapPart(places, np.arange(50_000) % 5 > 0))) < 1_500_000


def test_an_image_line_says_what_the_predictions_say() -> None:
    predictions = some_predictions()
    wrong = int(np.flatnonzero(predictions.labels != predictions.predicted)[0])
    line = image_line(predictions, wrong)
    row = predictions.images.iloc[wrong]
    assert (line.path, line.label, line.confidence) == (
        row["path"],
        row["label"],
        pytest.approx(row["confidence"]),
    )
    assert line.predicted != line.label and line.file == Path("/nowhere") / line.path
