"""What people decided stays, whoever writes beside them, and is known by the image's content."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.database import transaction
from models.errors import ImagesError, WorkspaceError
from models.note_tables import SCHEMA
from models.notes import (
    SubjectNote,
    decide,
    image_note,
    image_notes,
    notes_revision,
    subject_note,
    subject_notes,
    write_image_note,
    write_subject_note,
)
from models.store import Store

CLASSES = ("Bengal", "Bombay", "pug")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "Bengal" / "1.jpg"
    path.parent.mkdir()
    path.write_bytes(b"a Bengal")
    return path


def test_reading_where_nothing_was_ever_written_finds_nothing_and_writes_nothing(
    store: Store, image: Path
) -> None:
    assert image_note(store, image) is None and image_notes(store) == []
    assert subject_notes(store, CLASSES) == [] and notes_revision(store) == 0
    assert not store.database.exists()


def test_a_decision_is_known_by_content_and_not_by_name(store: Store, image: Path, tmp_path: Path) -> None:
    made = decide(
        store, image, label="Bengal", decision="label", corrected_label="Bombay", evaluation="a" * 32
    )
    copy = shutil.copy(image, tmp_path / "x.png")
    found = image_note(store, Path(copy))
    assert found == made == image_notes(store)[0]
    assert (made.decision, made.corrected_label, made.evaluation) == ("label", "Bombay", "a" * 32)
    assert (made.size_bytes, made.path) == (len(b"a Bengal"), str(image))
    image.write_bytes(b"another!")
    assert image_note(store, image) is None


def test_decision_and_words_do_not_overwrite_each_other(store: Store, image: Path) -> None:
    write_image_note(store, image, label="Bengal", tags=[" blurred", "crop", "blurred"], text="  dark \n")
    decide(store, image, label="Bengal", decision="image")
    write_image_note(store, image, label="Bengal", tags=["crop"], text="very dark")
    found = image_note(store, image)
    assert found is not None
    assert (found.decision, found.tags, found.text) == ("image", ("crop",), "very dark")


def test_another_decision_forgets_the_corrected_label(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="label", corrected_label="Bombay")
    assert decide(store, image, label="Bengal", decision="model").corrected_label is None


def test_a_tag_under_a_new_label_does_not_carry_the_decision_over_to_it(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="label", corrected_label="Bombay")
    assert write_image_note(store, image, label="Bombay", tags=["moved"], text="").label == "Bengal"
    assert decide(store, image, label="Bombay", decision="model").label == "Bombay"


def test_what_says_nothing_any_more_is_gone(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="ambiguous")
    assert decide(store, image, label="Bengal", decision=None).is_empty
    write_image_note(store, image, label="Bengal", tags=[" "], text=" ")
    assert image_notes(store) == []
    write_subject_note(store, CLASSES, "class", "pug", tags=["small"], text="")
    write_subject_note(store, CLASSES, "class", "pug", tags=[], text="")
    assert subject_notes(store, CLASSES) == []


def test_a_file_that_is_gone_is_an_error_in_words_and_keeps_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImagesError) as caught:
        decide(store, tmp_path / "gone.jpg", label="Bengal", decision="model")
    assert "gone.jpg" in caught.value.next_step
    assert image_notes(store) == []


def test_what_makes_no_sense_is_refused(store: Store, image: Path) -> None:
    with pytest.raises(ValueError, match="maybe"):
        decide(store, image, label="Bengal", decision="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wrong label"):
        decide(store, image, label="Bengal", decision="model", corrected_label="pug")


def test_subjects_are_kept_for_the_same_classes_in_any_order(store: Store) -> None:
    write_subject_note(store, CLASSES, "cell", "Bengal/pug", tags=["odd"], text="Größe ‘1’; DROP TABLE x")
    write_subject_note(store, CLASSES, "class", "pug", tags=[], text="snorts")
    found = subject_note(store, CLASSES[::-1], "cell", "Bengal/pug")
    assert (found.tags, found.text) == (("odd",), "Größe ‘1’; DROP TABLE x")
    assert subject_note(store, CLASSES, "pair", "Bengal/pug") == SubjectNote("pair", "Bengal/pug")
    assert subject_notes(store, [*CLASSES, "owl"]) == []
    assert [note.name for note in subject_notes(store, CLASSES)] == ["pug", "Bengal/pug"]


def test_each_change_counts_once(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="model")
    write_image_note(store, image, label="Bengal", tags=[], text="x")
    write_subject_note(store, CLASSES, "class", "pug", tags=[], text="x")
    assert notes_revision(store) == 3


def test_two_sessions_at_once_lose_nothing(store: Store, tmp_path: Path) -> None:
    """Four writers decide, tag and take back at once; of one image, they change different things."""
    files = [tmp_path / f"{i}.jpg" for i in range(12)]
    for i, file in enumerate(files):
        file.write_bytes(b"%d" % i)

    def write(job: int) -> None:
        file = files[job % 12]
        if job < 12:
            decide(store, file, label="Bengal", decision="model")
        elif job < 24:
            write_image_note(store, file, label="Bengal", tags=[file.stem], text="seen")
        else:
            write_subject_note(store, CLASSES, "class", f"class {job}", tags=[], text="seen")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(36)))
    found = image_notes(store)
    assert len(found) == 12
    assert all((n.decision, n.tags, n.text) == ("model", (Path(n.path).stem,), "seen") for n in found)
    assert len(subject_notes(store, CLASSES)) == 12 and notes_revision(store) == 36


def test_a_database_that_takes_nothing_says_so_and_keeps_what_it_had(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="model")
    with sqlite3.connect(store.database) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON image_notes BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    connection.close()
    with pytest.raises(WorkspaceError, match="disk full"):
        decide(store, image, label="Bengal", decision="image")
    found = image_note(store, image)
    assert found is not None and found.decision == "model" and notes_revision(store) == 1


def test_reading_waits_for_no_writer(store: Store, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(store, image, label="Bengal", decision="model")
    monkeypatch.setattr("models.database.BUSY_SECONDS", 0.0)
    with transaction(store, SCHEMA):
        assert notes_revision(store) == 1 and len(image_notes(store)) == 1


def test_a_damaged_note_is_said_to_be_one(store: Store, image: Path) -> None:
    decide(store, image, label="Bengal", decision="model")
    with sqlite3.connect(store.database) as connection:
        connection.execute("UPDATE image_notes SET tags = '['")
    connection.close()
    with pytest.raises(WorkspaceError, match="damaged"):
        image_notes(store)


def test_a_name_that_is_no_unicode_is_kept_as_it_can_be(store: Store, tmp_path: Path) -> None:
    image = tmp_path / b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    image.write_bytes(b"x")
    assert decide(store, image, label="Bengal", decision="model").path.endswith(r"caf\udce9.jpg")
