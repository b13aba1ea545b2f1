"""The evaluation job: from two paths to saved predictions, and back in an instant."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import ClassNamesMismatch
from models.evaluation import EvaluationSpec, evaluation_of, matched
from models.images import open_image_set
from models.jobs import Jobs, JobStatus
from models.predictions import saved_predictions
from models.recent import recent
from models.store import Store
from tests.models.calibrated import calibrated_module
from tests.models.prediction_samples import CLASSES, picture, picture_folder, small_network

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def manager(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    made = Jobs(store)
    yield made
    made.close()


@pytest.fixture
def spec(tmp_path: Path) -> EvaluationSpec:
    module = calibrated_module("shufflenet_v2_x0_5", len(CLASSES))
    torch.save(module.state_dict(), tmp_path / "net.pth")
    picture_folder(tmp_path / "pictures", 10)
    return EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures"))


def evaluated(manager: Jobs, spec: EvaluationSpec) -> JobStatus:
    id = manager.submit("evaluate", spec.to_json(), title=spec.title())
    while manager.status(id).is_active:
        time.sleep(0.01)
    return manager.status(id)


def test_from_two_paths_to_saved_predictions(manager: Jobs, store: Store, spec: EvaluationSpec) -> None:
    assert evaluation_of(spec, store) is None
    job = evaluated(manager, spec)
    assert job.state == "done", job.error
    assert job.title == "net.pth on pictures" and job.result is not None
    found = saved_predictions(store, job.result["fingerprint"])
    assert found is not None and found.class_names == CLASSES  # the folders' names: the file has none
    assert job.result == {
        "fingerprint": found.fingerprint,
        "accuracy": found.accuracy,
        "n_images": 10,
        "n_unreadable": 0,
    }
    phases = [event["phase"] for event in manager.logs(job.id) if event["event"] == "progress"]
    assert list(dict.fromkeys(phases)) == [
        "Reading the list of images",
        "Opening the model",
        "Predicting",
        "Saving",
        "Making thumbnails",
    ]
    assert len(list((store.root / "thumbnails").rglob("*.jpg"))) == len(found)
    assert evaluation_of(spec, store) == found.fingerprint
    assert [each.spec for each in recent(store)] == [spec.to_json()]


def test_a_saved_evaluation_is_found_without_torch(manager: Jobs, store: Store, spec: EvaluationSpec) -> None:
    job = evaluated(manager, spec)
    program = (
        "import sys; from pathlib import Path; from models.store import Store\n"
        "from models.evaluation import EvaluationSpec, evaluation_of\n"
        "print(evaluation_of(EvaluationSpec(*sys.argv[2:]), Store(Path(sys.argv[1]))), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root), spec.checkpoint, spec.images],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert job.result is not None and done.stdout.split() == [job.result["fingerprint"], "False"]


@pytest.mark.parametrize("what", ["the weights", "an image", "the names beside the weights", "a group"])
def test_whatever_changes_it_is_evaluated_anew(
    manager: Jobs, store: Store, spec: EvaluationSpec, what: str
) -> None:
    evaluated(manager, spec)
    checkpoint, pictures = Path(spec.checkpoint), Path(spec.images)
    if what == "the weights":
        os.utime(checkpoint, ns=(1, 1))
    elif what == "an image":
        picture(pictures / "ant" / "new.jpg", 77)
    elif what == "a group":
        (pictures / "groups.csv").write_text("class,group\n" + "".join(f"{name},x\n" for name in CLASSES))
    else:
        (checkpoint.parent / "net.classes.txt").write_text("\n".join(CLASSES))
    assert evaluation_of(spec, store) is None


def test_a_job_that_cannot_be_done_says_why(manager: Jobs, spec: EvaluationSpec) -> None:
    (Path(spec.checkpoint).parent / "net.classes.txt").write_text("\n".join(reversed(CLASSES)))
    job = evaluated(manager, spec)
    assert job.state == "failed" and job.error is not None
    assert job.error["title"] == "The class names do not match" and "another order" in job.error["message"]


def test_a_split_and_a_limit(manager: Jobs, store: Store, tmp_path: Path, spec: EvaluationSpec) -> None:
    (tmp_path / "both").mkdir()
    (tmp_path / "pictures").rename(tmp_path / "both" / "val")
    picture_folder(tmp_path / "both" / "train", 5)
    job = evaluated(manager, EvaluationSpec(spec.checkpoint, str(tmp_path / "both"), split="val", limit=5))
    assert job.result is not None and job.result["n_images"] == 5
    found = saved_predictions(store, job.result["fingerprint"])
    assert found is not None and set(found.images["split"]) == {"val"}


class TestNames:
    """Whose class names hold."""

    def test_images_may_show_some_of_the_networks_classes(self, tmp_path: Path) -> None:
        images = open_image_set(picture_folder(tmp_path, 2))
        network = small_network()
        assert matched(network, images) is network

    def test_a_label_the_network_lacks_is_a_mismatch(self, tmp_path: Path) -> None:
        picture_folder(tmp_path, 2)
        picture(tmp_path / "fox" / "f.jpg", 0)
        with pytest.raises(ClassNamesMismatch, match="fox") as caught:
            matched(small_network(), open_image_set(tmp_path))
        assert caught.value.expected == CLASSES and "fox" in caught.value.found

    def test_equally_many_must_have_the_same_order(self, tmp_path: Path) -> None:
        images = open_image_set(picture_folder(tmp_path, 5))
        turned = small_network().with_class_names(CLASSES[::-1], "the test")
        with pytest.raises(ClassNamesMismatch, match="another order"):
            matched(turned, images)
        assert matched(small_network(), images).class_names == CLASSES

    def test_images_cannot_name_more_or_fewer_classes(self, tmp_path: Path) -> None:
        nameless = replace(small_network(), placeholder_names=True)
        with pytest.raises(
            ClassNamesMismatch, match="does not name its 5 classes, and the images have 2"
        ) as it:
            matched(nameless, open_image_set(picture_folder(tmp_path, 2)))
        assert it.value.found == CLASSES[:2] and len(it.value.expected) == 5
