"""Parts of the page of one cell: the job of a spec, and what is said where no place stands out."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.cell_record import CellMaps
from analysis.map_findings import map_findings
from analysis.map_groups import MapGroups
from models.database import transaction
from models.job_database import SCHEMA, JobDatabase
from models.job_kinds import JOB_KINDS
from models.job_record import JobState
from models.jobs import jobs
from models.store import default_store
from pages.explain.cell_causal import place_name, read_place, silence
from pages.explain.rectangle import Ends, ends_of, region_of
from tests.analysis.planted_maps import animal_maps, planted_cell
from tests.models.test_jobs import until_told

SPEC = {"cell": "a/a", "method": "lrp"}


def job_and_button_of_the_spec() -> None:
    from pages.shared.job_button import job_and_button

    job_and_button(
        "explain_cell", {"method": "lrp", "cell": "a/a"}, label="Explain 9 images", key="cell_run", title="a"
    )


def test_a_job_is_found_again_however_many_came_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    database = JobDatabase(default_store())
    # of a server that has ended, so each counts as interrupted
    database.add("the-job", "explain_cell", json.dumps(SPEC, sort_keys=True), "a", "gone")
    for number in range(40):
        database.add(f"job-{number}", "explain", json.dumps({"number": number}), "an image", "gone")
    app = AppTest.from_function(job_and_button_of_the_spec).run(timeout=30)
    assert not app.exception
    assert app.button(key="cell_run").label == "Go on: explain 9 images"


def job_and_button_of_a_choice() -> None:
    import streamlit as st

    from pages.shared.job_button import forget_pressed, job_and_button

    method = st.selectbox("Method", ["lrp", "gradient"], key="method")
    if not st.checkbox("Known", key="known"):
        job_and_button(
            "explain_cell", {"method": method}, label="Explain 9 images", key="cell_run", title="a"
        )
    forget_pressed()


@pytest.fixture
def page_of_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "explain_cell", until_told)
    yield AppTest.from_function(job_and_button_of_a_choice).run(timeout=30)
    jobs(default_store()).close()


def test_a_button_pressed_before_the_page_has_caught_up_does_what_is_chosen_now(
    page_of_a_choice: AppTest,
) -> None:
    app = page_of_a_choice
    app.selectbox(key="method").set_value("gradient")
    app.button(key="cell_run").click()
    app.run(timeout=30)
    assert not app.exception
    assert [job.spec for job in jobs(default_store()).list()] == [{"method": "gradient"}]
    assert app.button(key="cell_run_cancel").label == "Cancel"


def test_a_button_pressed_just_as_it_went_starts_nothing_later(page_of_a_choice: AppTest) -> None:
    app = page_of_a_choice
    app.checkbox(key="known").set_value(True)
    app.button(key="cell_run").click()
    app.run(timeout=30)
    app.checkbox(key="known").set_value(False).run(timeout=30)
    assert not app.exception
    assert jobs(default_store()).list() == []
    assert app.button(key="cell_run").label == "Explain 9 images"


def job_and_button_after_all_else() -> None:
    import streamlit as st

    from pages.shared.job_button import forget_pressed, job_and_button

    if st.checkbox("Not yet", key="stop"):
        st.stop()  # as a click ends a drawing that has not come to its end
    job_and_button("explain_cell", {"method": "lrp"}, label="Explain 9 images", key="cell_run", title="a")
    forget_pressed()


def test_a_press_waits_for_its_button_while_one_drawing_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "explain_cell", until_told)
    app = AppTest.from_function(job_and_button_after_all_else).run(timeout=30)
    app.checkbox(key="stop").set_value(True)
    app.button(key="cell_run").click()
    app.run(timeout=30)
    app.checkbox(key="stop").set_value(False).run(timeout=30)
    assert not app.exception
    assert len(jobs(default_store()).list()) == 1
    app.run(timeout=30)
    assert len(jobs(default_store()).list()) == 1
    jobs(default_store()).close()


def test_ended_jobs_are_forgotten_but_for_what_can_go_on_today(
    page_of_a_choice: AppTest, tmp_path: Path
) -> None:
    database, hour = JobDatabase(default_store()), 3600.0
    ended: tuple[tuple[str, JobState, float], ...] = (
        ("done just now", "done", 1.0),
        ("done before", "done", hour),
        ("stopped today", "cancelled", 20 * hour),
        ("stopped before", "cancelled", 30 * hour),
    )
    for id, how, ago in ended:
        database.add(id, "explain_cell", json.dumps({"cell": id}), "a", "gone")
        database.end(id, how)
        with transaction(database.store, SCHEMA) as connection:
            connection.execute("UPDATE jobs SET ended = ended - ? WHERE id = ?", (ago, id))
        (tmp_path / "jobs" / id).mkdir(parents=True)
    database.add("of another kind", "evaluate", "{}", "a", "gone")
    database.end("of another kind", "done")
    page_of_a_choice.button(key="cell_run").click().run(timeout=30)
    known = [job.id for job in jobs(default_store()).list()]
    assert set(known[1:]) == {"done just now", "stopped today", "of another kind"}
    assert {each.name for each in (tmp_path / "jobs").iterdir()} - {known[0]} == {
        "done just now",
        "stopped today",
    }


def maps_of(n: int, others: int) -> CellMaps:
    """Maps whose evidence moves about, of a cell and of other classes."""
    images, none = np.arange(n + others), np.zeros(0, dtype=np.intp)
    return planted_cell(MapGroups("a/a", images[:n], none, none, images[n:], n), animal_maps(n + others, 0))


@pytest.mark.parametrize(
    ("n", "others", "words"),
    [
        (12, 12, "No place stands out"),
        (12, 0, "no images of other classes to compare with"),
        (12, 1, "Only 1 image of other classes"),
        (12, 5, "Only 5 images of other classes"),
        (5, 12, "5 images have evidence: too few"),
    ],
)
def test_a_check_mark_is_only_shown_where_images_were_compared(n: int, others: int, words: str) -> None:
    found = silence(map_findings(maps_of(n, others)))
    assert words in found
    assert ("check_circle" in found) == (min(n, others) >= 6)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("0-25,0-25", ((0, 25), (0, 25))),
        ("60-10,90-40", ((10, 60), (40, 90))),
        ("0-999,5-5", ((0, 100), (5, 5))),
        ("", None),
        ("0-25", None),
        ("a-b,c-d", None),
        ("-5-25,0-25", None),
    ],
)
def test_a_link_names_a_place_in_any_order_or_none(text: str, ends: object) -> None:
    found = read_place(text)
    assert found == ends
    assert found is None or read_place(place_name(*found)) == found


@pytest.mark.parametrize("ends", [((0, 25), (50, 75)), ((29, 57), (0, 100)), ((99, 100), (14, 15))])
def test_a_rectangle_comes_back_from_its_ends(ends: tuple[Ends, Ends]) -> None:
    region = region_of(*ends)
    assert region is not None and ends_of(region) == ends
    assert region == tuple(each / 100 for each in (ends[0][0], ends[1][0], ends[0][1], ends[1][1]))


@pytest.mark.parametrize("ends", [((30, 30), (0, 25)), ((0, 25), (100, 100))])
def test_a_rectangle_without_an_area_is_none(ends: tuple[Ends, Ends]) -> None:
    assert region_of(*ends) is None
