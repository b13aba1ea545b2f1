import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import image_hashes
from models.content import content_hash
from models.decoding import decoded
from models.errors import ImagesError
from models.halves import choosing_half
from models.image_facts import image_facts_steps
from models.image_hashes import choosing_rows, content_hash_steps, content_hashes, readable_steps
from models.images import open_image_set
from models.prediction_record import Predictions
from models.progress import Progress, finished
from models.store import Store
from tests.models.image_files import write_image, write_images


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    names = [f"{number:02d}.png" for number in range(40)]
    root = write_images(tmp_path / "images", names)
    return [root / name for name in names]


def _nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(image_hashes, "content_hash", refuse)
    monkeypatch.setattr(image_hashes, "decoded", refuse)


def _reasons(store: Store, files: list[Path]) -> list[str]:
    return finished(readable_steps(store, files), lambda _: None)


def test_hashes_are_those_of_the_content_in_the_order_of_the_files(store: Store, files: list[Path]) -> None:
    assert content_hashes(store, files[::-1]) == [content_hash(path) for path in files[::-1]]


def test_files_are_read_once(store: Store, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = content_hashes(store, files), _reasons(store, files)
    _nothing_is_read(monkeypatch)
    assert (content_hashes(store, files), _reasons(store, files)) == first
    assert content_hashes(store, files[5:9] + files[:2]) == first[0][5:9] + first[0][:2]


def test_a_changed_file_is_read_again(store: Store, files: list[Path]) -> None:
    before = content_hashes(store, files)
    write_image(files[3], (1, 2, 3))
    os.utime(files[3], ns=(1, 1))  # the size may be the same, and clocks are coarse
    after = content_hashes(store, files)
    assert after[3] == content_hash(files[3]) != before[3]
    assert after[:3] + after[4:] == before[:3] + before[4:]


def test_work_that_was_stopped_goes_on(
    store: Store, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = content_hash_steps(store, files)
    assert [next(steps).done, next(steps).done] == [0, 16]
    steps.close()
    read: list[Path] = []
    monkeypatch.setattr(image_hashes, "content_hash", lambda path: read.append(path) or content_hash(path))
    reports: list[Progress] = []
    assert len(finished(content_hash_steps(store, files), reports.append)) == len(files)
    assert sorted(read) == files[16:] and [each.done for each in reports] == [16, 32, 40]


def test_a_file_that_is_gone_has_no_hash_until_it_is_back(store: Store, files: list[Path]) -> None:
    content = files[0].read_bytes()
    files[0].unlink()
    assert content_hashes(store, files[:2]) == ["", content_hash(files[1])]
    files[0].write_bytes(content)
    assert content_hashes(store, files[:1]) == [content_hash(files[0])]


def test_what_cannot_be_decoded_is_told_in_words(store: Store, files: list[Path]) -> None:
    files[1].write_bytes(files[1].read_bytes()[:40])
    files[2].write_text("no picture")
    with pytest.raises(ImagesError) as error:
        decoded(files[1])
    reasons = _reasons(store, files)
    assert reasons[1] == error.value.message and reasons[2]
    assert {*reasons[:1], *reasons[3:]} == {""}


def test_what_the_system_refuses_today_is_asked_again(
    store: Store, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files[1].write_bytes(files[1].read_bytes()[:40])

    def refused(path: Path, **_: object) -> object:
        if path == files[0]:
            raise ImagesError("the disk gave an error", next_step="") from OSError(
                errno.EIO, "Input/output error"
            )
        return decoded(path)

    with monkeypatch.context() as patch:
        patch.setattr(image_hashes, "decoded", refused)
        reasons = _reasons(store, files)
    assert reasons[0] == "the disk gave an error" and reasons[1]
    asked: list[Path] = []
    monkeypatch.setattr(image_hashes, "decoded", lambda path, **_: asked.append(path))
    assert _reasons(store, files) == ["", *reasons[1:]] and asked == files[:1]


def test_what_measuring_pictures_found_out_is_used(
    store: Store, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files[1].write_bytes(files[1].read_bytes()[:40])
    facts = finished(image_facts_steps(store, files), lambda _: None)
    _nothing_is_read(monkeypatch)
    assert content_hashes(store, files) == facts["content"].tolist()
    assert _reasons(store, files) == facts["problem"].tolist() and facts["problem"][1]


def _predictions(root: Path) -> Predictions:
    images = open_image_set(root)
    return Predictions("0" * 32, images.class_names, {}, images.table, images.root, None, None, None)


def test_rows_of_the_choosing_half_follow_the_contents(store: Store, tmp_path: Path) -> None:
    root = write_images(tmp_path / "pets", [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(9)])
    predictions = _predictions(root)
    chosen = choosing_rows(store, predictions)
    hashes = [content_hash(root / path) for path in predictions.images["path"]]
    assert np.array_equal(chosen, choosing_half(predictions.images["label"].tolist(), hashes))
    shuffled = replace(predictions, images=predictions.images.sample(frac=1, random_state=0))
    again = dict(zip(shuffled.images["id"], choosing_rows(store, shuffled), strict=True))
    assert [again[name] for name in predictions.images["id"]] == chosen.tolist()


def test_images_without_files_are_halved_too(store: Store, tmp_path: Path) -> None:
    root = write_images(tmp_path / "pets", [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(8)])
    predictions = _predictions(root)
    for path in predictions.images["path"]:
        (root / path).unlink()
    chosen = choosing_rows(store, predictions)
    assert chosen[:8].sum() == chosen[8:].sum() == 4
