"""Predicting: the same numbers as a plain loop, whatever happens on the way."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models.prediction_parts
import models.prediction_pipeline
import models.prediction_run
from models.errors import Cancelled, ClassNamesMismatch, PredictionsError
from models.image_input import image_input
from models.images import ImageSet, open_image_set
from models.network import Network
from models.prediction_run import prediction_steps
from models.predictions import Predictions, evaluation_fingerprint, predict, saved_predictions
from models.progress import Progress
from models.store import Store
from tests.models.calibrated import HEADS
from tests.models.prediction_samples import CLASSES, picture, picture_folder, pictures, same, small_network

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    """Tests run beside others; threads that wait for each other on busy cores take for ever."""
    former = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.prediction_pipeline, "available_cores", lambda: 1)
        yield
    torch.set_num_threads(former)


@pytest.fixture(scope="module")
def network() -> Network:
    return small_network()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return pictures(tmp_path_factory.mktemp("pictures"), 23)


@pytest.fixture(scope="module")
def uninterrupted(network: Network, images: ImageSet) -> Predictions:
    return predict(network, images, batch_size=4)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


def fingerprint(network: Network, images: ImageSet) -> str:
    return evaluation_fingerprint(network.fingerprint, images.fingerprint)


@torch.no_grad()
def plain_loop(network: Network, images: ImageSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and embeddings caught by a hook: nothing of what is tested but the decoding."""
    inputs = [image_input(images.absolute(path), network.preprocessing) for path in images.table["path"]]
    assert network.head is not None
    seen: list[torch.Tensor] = []
    head = network.module.get_submodule(network.head)
    handle = head.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    logits = torch.cat([network.module(each[None]) for each in inputs])
    handle.remove()
    return logits, torch.cat(seen)


def test_it_says_what_a_plain_loop_says(
    network: Network, images: ImageSet, uninterrupted: Predictions
) -> None:
    logits, embeddings = plain_loop(network, images)
    found = uninterrupted
    assert found.logits is not None and found.probabilities is not None and found.embeddings is not None
    np.testing.assert_allclose(found.logits, logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.embeddings, embeddings.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.probabilities, logits.double().softmax(1).numpy(), atol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0, atol=1e-6)
    assert float(logits.std(0).min()) > 0.1  # the images do differ
    np.testing.assert_array_equal(found.predicted, logits.argmax(1).numpy())
    np.testing.assert_array_equal(found.images["path"], images.table["path"])
    assert [CLASSES[index] for index in found.labels] == list(images.table["label"])
    assert found.architecture == "shufflenet_v2_x0_5" and found.unreadable == ()
    assert found.network_fingerprint == network.fingerprint
    assert set(found.seconds) == {"predicting", "decoding", "forward", "saving"} and len(found) == 23
    assert found.accuracy == pytest.approx((found.labels == found.predicted).mean())


def test_the_embeddings_are_what_the_last_layer_reads(network: Network, uninterrupted: Predictions) -> None:
    head = network.module.get_submodule(HEADS[network.architecture])
    with torch.no_grad():
        logits = head(torch.tensor(uninterrupted.embeddings))
    np.testing.assert_allclose(uninterrupted.logits, logits.numpy(), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_changes_nothing(
    network: Network, images: ImageSet, uninterrupted: Predictions, batch_size: int
) -> None:
    found = predict(network, images, batch_size=batch_size)
    np.testing.assert_allclose(found.logits, uninterrupted.logits, atol=1e-5)


def test_the_network_is_left_as_it_was(network: Network, images: ImageSet) -> None:
    before = {name: weight.clone() for name, weight in network.module.state_dict().items()}
    strides = [weight.stride() for weight in network.module.parameters()]
    predict(network, images, batch_size=16)
    assert strides == [weight.stride() for weight in network.module.parameters()]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.module.modules())
    for name, weight in network.module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_threads_of_torch_are_as_before(
    network: Network, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.prediction_pipeline, "available_cores", lambda: 3)
    before = torch.get_num_threads()
    predict(network, images)
    with pytest.raises(Cancelled):
        predict(network, images, batch_size=2, should_stop=lambda: True)
    assert torch.get_num_threads() == before
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [before]
    assert not [each.name for each in threading.enumerate() if each.name.startswith("errorscope-predict")]


def test_progress_counts_the_images(network: Network, images: ImageSet, store: Store) -> None:
    seen: list[Progress] = []
    predict(network, images, store=store, batch_size=10, on_progress=seen.append)
    assert [(each.phase, each.done, each.total) for each in seen] == [
        ("Predicting", 0, 23),
        ("Predicting", 10, 23),
        ("Predicting", 20, 23),
        ("Predicting", 23, 23),
        ("Saving", 0, 1),
    ]


def test_what_is_saved_is_opened_not_predicted(
    network: Network, images: ImageSet, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = predict(network, images, store=store)
    monkeypatch.setattr(models.prediction_run, "Pipeline", None)
    again = predict(network, images, store=store)
    assert same(first, again)
    opened = saved_predictions(store, fingerprint(network, images))
    assert opened is not None and same(first, opened)
    assert isinstance(opened.logits, np.memmap) and not opened.logits.flags.writeable
    assert not (store.evaluation(opened.fingerprint) / "parts").exists()


@pytest.mark.parametrize("n_batches", [1, 3, 5])
def test_a_cancelled_run_goes_on_from_where_it_stood(
    network: Network,
    images: ImageSet,
    uninterrupted: Predictions,
    store: Store,
    n_batches: int,
) -> None:
    with pytest.raises(Cancelled, match=f"{n_batches * 4} of 23"):
        done = iter(range(100))
        predict(network, images, store=store, batch_size=4, should_stop=lambda: next(done) == n_batches)
    assert saved_predictions(store, fingerprint(network, images)) is None
    seen: list[Progress] = []
    found = predict(network, images, store=store, batch_size=4, on_progress=seen.append)
    assert seen[0].done == n_batches * 4
    assert same(found, uninterrupted)


@pytest.fixture
def parts_of_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.prediction_parts, "PART_SIZE", 8)


@pytest.mark.usefixtures("parts_of_8")
def test_parts_of_many_sizes_join_to_the_same(
    network: Network, images: ImageSet, uninterrupted: Predictions, store: Store
) -> None:
    steps = prediction_steps(network, images, store=store, batch_size=4)
    for _ in range(5):
        next(steps)
    parts = store.evaluation(fingerprint(network, images)) / "parts"
    assert [path.stem for path in sorted(parts.iterdir())] == ["00000000-00000008", "00000008-00000016"]
    steps.close()
    (parts / "00000000-00000008.npz").unlink()
    assert same(predict(network, images, store=store, batch_size=4), uninterrupted)


@pytest.mark.usefixtures("parts_of_8")
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_part_is_predicted_again(
    network: Network,
    images: ImageSet,
    uninterrupted: Predictions,
    store: Store,
    damage: str,
) -> None:
    steps = prediction_steps(network, images, store=store, batch_size=4)
    for _ in range(5):
        next(steps)
    steps.close()
    part = store.evaluation(fingerprint(network, images)) / "parts" / "00000000-00000008.npz"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 0x55
    cut = part.read_bytes()[: len(content) // 2]
    part.write_bytes({"cut": cut, "flipped": bytes(content), "empty": b"", "text": b"hello"}[damage])
    seen: list[Progress] = []
    assert same(predict(network, images, store=store, batch_size=4, on_progress=seen.append), uninterrupted)
    assert seen[0].done == 8  # the other part was kept


@pytest.mark.parametrize("name", ["logits.npy", "embeddings.npy", "images.parquet", "evaluation.json"])
def test_a_damaged_evaluation_is_predicted_again(
    network: Network, images: ImageSet, uninterrupted: Predictions, store: Store, name: str
) -> None:
    found = predict(network, images, store=store, batch_size=4)
    file = store.evaluation(found.fingerprint) / name
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(PredictionsError, match="damaged") as caught:
        saved_predictions(store, found.fingerprint)
    assert "predict again" in caught.value.next_step
    assert same(predict(network, images, store=store, batch_size=4), uninterrupted)


def test_unreadable_images_are_listed_and_stop_nothing(
    network: Network, tmp_path: Path, store: Store
) -> None:
    root = picture_folder(tmp_path / "pictures", 12)
    (root / "bee" / "broken.jpg").write_bytes((root / "ant" / "000.jpg").read_bytes()[:700])
    (root / "ant" / "words.png").write_text("no picture")
    found = predict(network, open_image_set(root), store=store, batch_size=3)
    assert [each.path for each in found.unreadable] == ["ant/words.png", "bee/broken.jpg"]
    assert "truncated" in found.unreadable[1].reason
    assert len(found) == 12 and found.logits is not None and found.logits.shape == (12, 5)
    clean = [
        path for path in open_image_set(root).table["path"] if "broken" not in path and "words" not in path
    ]
    assert list(found.images["path"]) == clean
    alone = predict(network, open_image_set(picture_folder(tmp_path / "clean", 12)))
    np.testing.assert_allclose(found.logits, alone.logits, atol=1e-5)
    opened = saved_predictions(store, found.fingerprint)
    assert opened is not None and opened.unreadable == found.unreadable


def test_a_picture_that_would_be_blown_up_beyond_memory_stops_nothing(
    network: Network, tmp_path: Path
) -> None:
    root = picture_folder(tmp_path / "pictures", 3)
    Image.new("RGB", (20_000, 3)).save(root / "ant" / "strip.png")
    uncropped = network.with_preprocessing(replace(network.preprocessing, resize=256, crop=None))
    found = predict(uncropped, open_image_set(root))
    assert len(found) == 3
    assert [each.path for each in found.unreadable] == ["ant/strip.png"]
    assert "1,706,666 x 256 pixels" in found.unreadable[0].reason


def test_a_batch_of_nothing_but_unreadable_images_is_no_matter(network: Network, tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pictures", 5)
    for number in range(4):
        (root / "bee" / f"0-{number}.jpg").write_text("no picture")
    found = predict(network, open_image_set(root), batch_size=1)
    assert len(found) == 5 and len(found.unreadable) == 4


def test_no_readable_image_at_all_is_an_error(network: Network, tmp_path: Path, store: Store) -> None:
    root = picture_folder(tmp_path / "pictures", 3)
    for path in root.rglob("*.jpg"):
        path.write_text("no picture")
    with pytest.raises(PredictionsError, match=r"None of the 3 images can be read; the first, ant/000.jpg"):
        predict(network, open_image_set(root), store=store)


def test_an_image_changed_since_is_predicted_anew(network: Network, tmp_path: Path, store: Store) -> None:
    root = picture_folder(tmp_path / "pictures", 4)
    before = predict(network, open_image_set(root), store=store)
    picture(root / "ant" / "000.jpg", seed=99)
    after = predict(network, open_image_set(root), store=store)
    assert after.fingerprint != before.fingerprint
    assert before.logits is not None and after.logits is not None
    assert np.abs(after.logits[0] - before.logits[0]).max() > 0.01


def test_a_label_that_the_network_does_not_know_is_refused(
    network: Network, tmp_path: Path, store: Store
) -> None:
    root = picture_folder(tmp_path / "pictures", 5)
    picture(root / "fox" / "f.jpg", 1)
    with pytest.raises(ClassNamesMismatch, match=r'fox/f\.jpg has the label "fox"') as caught:
        predict(network, open_image_set(root), store=store)
    assert caught.value.expected == CLASSES and "fox" in caught.value.found


def test_labels_are_found_by_name_when_the_images_show_some_classes(network: Network, tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pictures", 5)
    for path in (root / "ant").iterdir():
        path.unlink()
    (root / "ant").rmdir()
    assert list(predict(network, open_image_set(root)).labels) == [1, 2, 3, 4]


def test_logits_that_are_no_numbers_are_refused_by_name(network: Network, images: ImageSet) -> None:
    broken = small_network()
    head = broken.module.get_submodule(HEADS[broken.architecture])
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.weight[0, 0] = float("nan")
    with pytest.raises(PredictionsError, match=r"ant/000\.jpg: .*not finite"):
        predict(broken, images)


def test_a_network_without_a_head_has_no_embeddings(images: ImageSet, store: Store) -> None:
    class Program(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch.mean((2, 3)) @ torch.ones(3, 5)

    plain = small_network()
    program = Network(
        Program(), CLASSES, plain.preprocessing, "torchscript", "program", Path("x"), kind="torchscript"
    )
    found = predict(program, images, store=store)
    assert found.embeddings is None and found.logits is not None and found.logits.shape == (23, 5)


def test_the_same_work_is_not_done_twice_at_once(network: Network, images: ImageSet, store: Store) -> None:
    steps = prediction_steps(network, images, store=store, batch_size=4)
    next(steps)
    with pytest.raises(PredictionsError, match="already"):
        predict(network, images, store=store)
    steps.close()
    assert len(predict(network, images, store=store)) == 23


@pytest.mark.parametrize("batch_size", [0, -3])
def test_a_batch_must_have_images(network: Network, images: ImageSet, batch_size: int) -> None:
    with pytest.raises(PredictionsError, match="no batch"):
        predict(network, images, batch_size=batch_size)


def test_a_killed_run_goes_on_too(
    network: Network, images: ImageSet, uninterrupted: Predictions, store: Store
) -> None:
    program = f"""
import os
from pathlib import Path
import models.prediction_parts
models.prediction_parts.PART_SIZE = 8
from models.images import open_image_set
from models.prediction_run import prediction_steps
from models.store import Store
from tests.models.prediction_samples import small_network
steps = prediction_steps(small_network(), open_image_set({str(images.root)!r}), store=Store(Path({str(store.root)!r})),
                         batch_size=4, threads=1)
for _ in range(6):
    next(steps)
os._exit(9)
"""
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=120)
    assert process.returncode == 9
    seen: list[Progress] = []
    found = predict(network, images, store=store, batch_size=4, on_progress=seen.append)
    assert seen[0].done == 16
    np.testing.assert_allclose(found.logits, uninterrupted.logits, atol=1e-5)


@pytest.mark.real
def test_the_real_breed_classifier_is_right_416_times_of_476(real: Path) -> None:
    from models.checkpoint import load_checkpoint

    network = load_checkpoint(real / "weights" / "mobilenet_v2_pets34.pth")
    found = predict(network, open_image_set(real / "pets" / "val"))
    assert len(found) == 476 and int((found.labels == found.predicted).sum()) == 416
    names, groups = np.array(found.class_names), found.groups
    crossing = {
        f"{names[label]} > {names[predicted]}"
        for label, predicted in zip(found.labels, found.predicted, strict=True)
        if groups[names[label]] != groups[names[predicted]]
    }
    assert crossing == {
        "Abyssinian > chihuahua",
        "Bombay > newfoundland",
        "Maine_Coon > chihuahua",
        "leonberger > Bengal",
    }
