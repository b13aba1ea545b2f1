"""Features kept on disk: the same as computed anew, found again, never half a file, never too much room."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.content import content_hash
from models.errors import TrainingError
from models.file_lock import FileLock
from models.finetune import feature_cache, feature_room, features
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.feature_cache import cache_bytes, embedding_steps, feature_steps, module_fingerprint
from models.finetune.feature_room import has_room, make_room
from models.finetune.features import FeatureCache, Precision
from models.finetune.feeds import CachedFeed, ImageFeed
from models.finetune.role_images import RoleImages
from models.predictions import predict
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from models.progress import Progress, finished
from models.store import Store
from tests.models.calibrated import shared_network
from tests.models.prediction_samples import picture, pictures, small_network

SMALL = Preprocessing(72, 64, IMAGENET_MEAN, IMAGENET_STD)
CHANGED = Augmentation((Operation("rotation", 30.0), Operation("brightness", 0.4)))
N = 40


class Counted(nn.Module):
    """Layers that count the images they saw."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.n_seen = layers, 0

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.n_seen += len(batch)
        return self.layers(batch)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> RoleImages:
    folder = tmp_path_factory.mktemp("features")
    paths = tuple(picture(folder / f"{seed}.jpg", seed) for seed in range(N))
    return RoleImages(paths, np.arange(N) % 5, tuple(map(str, range(N))), tuple(map(content_hash, paths)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 16 images, so that there are several."""
    monkeypatch.setattr(features, "MOST_ROWS", 16)


def _prefix() -> Counted:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [
            nn.Conv2d(3, 8, 3, 2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 12, 3, 2),
            nn.MaxPool2d(3, 2),
        ]
        return Counted(nn.Sequential(*layers))


def _family(architecture: str) -> nn.Module:
    module = shared_network(architecture).module
    if architecture == "shufflenet_v2_x0_5":
        return nn.Sequential(module.conv1, module.maxpool, module.stage2)  # type: ignore[arg-type]
    return module.features  # type: ignore[return-value]


def _kept(store: Store, feed: ImageFeed, prefix: nn.Module, **choices: Any) -> FeatureCache:
    return finished(feature_steps(store, feed, prefix, "layer2", **choices), lambda _: None)


def _error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("architecture", ["shufflenet_v2_x0_5", "squeezenet1_1"])
@pytest.mark.parametrize(("augmentation", "views"), [(Augmentation(), 1), (CHANGED, 2)])
def test_cached_batches_are_those_computed_anew(
    images: RoleImages, store: Store, architecture: str, augmentation: Augmentation, views: int
) -> None:
    prefix = _family(architecture)
    feed = ImageFeed(images, SMALL, augmentation, 5)
    cached = CachedFeed(_kept(store, feed, prefix, views=views), images)
    rows = [31, 3, 17, 3, 0, 39, 16, 15]
    for view in range(views):
        with torch.no_grad():
            wanted = prefix(feed.batch(rows, view))
        assert _error(cached.batch(rows, view), wanted) < 1e-5
        assert torch.equal(cached.batch(rows, view + views), cached.batch(rows, view))
    assert torch.equal(cached.labels, feed.labels) and len(cached) == N


def test_half_precision_is_near(images: RoleImages, store: Store) -> None:
    prefix, feed = _prefix(), ImageFeed(images, SMALL)
    whole, half = (_kept(store, feed, prefix, precision=p).rows(range(N), 0) for p in ("exact", "half"))
    assert half.dtype == torch.float32 and 0 < _error(half, whole) < 1e-3
    sizes = sorted(feature_room._size(folder) for folder in feature_room._caches(store))
    assert sizes[1] / sizes[0] == pytest.approx(2, abs=0.01)


def test_too_large_for_half_precision_is_said(images: RoleImages, store: Store) -> None:
    with pytest.raises(TrainingError, match="too large for half precision"):
        _kept(store, ImageFeed(images, SMALL), _Times(1e6), precision="half")


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch * self.factor


def test_a_cache_is_found_again_and_grows(images: RoleImages, store: Store) -> None:
    prefix, feed = _prefix(), ImageFeed(images, SMALL, CHANGED)
    first = _kept(store, feed, prefix, views=2)
    assert prefix.n_seen == 2 * N + 1  # one tells the shape
    assert torch.equal(_kept(store, feed, prefix, views=2).rows(range(N), 1), first.rows(range(N), 1))
    assert prefix.n_seen == 2 * N + 1
    assert _kept(store, feed, prefix, views=3).views == 3 and prefix.n_seen == 3 * N + 1


def test_the_key_knows_all_that_decides(images: RoleImages, store: Store) -> None:
    prefix = _prefix()
    feeds = [
        ImageFeed(images, SMALL),
        ImageFeed(images, SMALL, CHANGED),
        ImageFeed(images, SMALL, CHANGED, 1),
        ImageFeed(images.where(np.arange(N) > 0), SMALL),
    ]
    for feed in feeds:
        _kept(store, feed, prefix)
    with torch.no_grad():
        next(prefix.parameters())[0, 0, 0, 0] += 1e-3
    _kept(store, feeds[0], prefix)
    finished(feature_steps(store, feeds[0], prefix, "elsewhere"), lambda _: None)
    assert len(feature_room._caches(store)) == len(feeds) + 2


def test_fingerprints_of_modules() -> None:
    one, same, other = nn.Linear(3, 2), nn.Linear(3, 2), nn.Conv1d(3, 2, 1)
    same.load_state_dict(one.state_dict())
    assert module_fingerprint(one) == module_fingerprint(same) != module_fingerprint(nn.Linear(3, 2))
    other.load_state_dict({"weight": one.weight.detach()[..., None], "bias": one.bias.detach()})
    assert module_fingerprint(one) != module_fingerprint(other)
    assert module_fingerprint(nn.Dropout(0.1)) != module_fingerprint(nn.Dropout(0.2))
    assert len(module_fingerprint(nn.Linear(3, 2, dtype=torch.bfloat16))) == 32


def test_work_that_was_stopped_goes_on(images: RoleImages, store: Store, tmp_path: Path) -> None:
    prefix, feed = _prefix(), ImageFeed(images, SMALL, CHANGED)
    whole = _kept(Store(tmp_path / "other"), feed, prefix, views=2)
    prefix.n_seen = 0
    steps = feature_steps(store, feed, prefix, "layer2", views=2)
    while next(steps).done < 20:
        pass
    steps.close()
    before = prefix.n_seen
    found = _kept(store, feed, prefix, views=2)
    assert before < 2 * N and prefix.n_seen - before == 2 * (N - 16)  # the part that was finished is kept
    assert all(torch.equal(found.rows(range(N), view), whole.rows(range(N), view)) for view in range(2))


def test_a_damaged_part_is_computed_again(images: RoleImages, store: Store) -> None:
    prefix, feed = _prefix(), ImageFeed(images, SMALL)
    first = _kept(store, feed, prefix)
    wanted = first.rows(range(N), 0)
    file = sorted(store.folder("features").rglob("part_*.npy"))[1]
    file.write_bytes(file.read_bytes()[:1000])
    prefix.n_seen = 0
    assert torch.equal(_kept(store, feed, prefix).rows(range(N), 0), wanted) and prefix.n_seen == 16
    (first.files.folder / "features.json").write_text("{")
    assert torch.equal(_kept(store, feed, prefix).rows(range(N), 0), wanted) and prefix.n_seen == 17


def test_large_caches_are_read_from_the_disk(
    images: RoleImages, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, feed = _prefix(), ImageFeed(images, SMALL)
    in_memory = _kept(store, feed, prefix)
    monkeypatch.setattr(features, "IN_MEMORY", 0)
    mapped = _kept(store, feed, prefix)
    rows = [39, 0, 15, 16, 39]
    assert not mapped._tensors and torch.equal(mapped.rows(rows, 0), in_memory.rows(rows, 0))


def test_reports_count_images(images: RoleImages, store: Store) -> None:
    reports: list[Progress] = []
    finished(feature_steps(store, ImageFeed(images, SMALL, CHANGED), _prefix(), "a", views=2), reports.append)
    assert [each.done for each in reports] == sorted(each.done for each in reports)
    assert (reports[0].done, reports[-1].done, reports[-1].total) == (0, N, N)


def test_two_trainings_do_not_compute_the_same_at_once(
    images: RoleImages, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "SECONDS_BETWEEN_LOOKS", 0.0)
    prefix, feed = _prefix(), ImageFeed(images, SMALL)
    first = feature_steps(store, feed, prefix, "layer2")
    while next(first).done < 20:
        pass
    second = feature_steps(store, feed, prefix, "layer2")
    assert [next(second).message for _ in range(3)][1:] == ["another training is computing the same"] * 2
    first.close()
    assert len(finished(second, lambda _: None)) == N


def test_a_wrong_image_in_a_cache_is_a_bug(images: RoleImages, store: Store) -> None:
    cache = _kept(store, ImageFeed(images, SMALL), _prefix())
    feed = CachedFeed(cache, images, forbidden={images.hashes[7]})
    assert len(feed.batch([6, 8], 0)) == 2
    with pytest.raises(AssertionError, match="validation or test"):
        feed.batch([6, 7], 0)


@pytest.mark.parametrize("precision", ["exact", "half"])
def test_the_size_is_known_beforehand(images: RoleImages, store: Store, precision: Precision) -> None:
    cache = _kept(store, ImageFeed(images, SMALL, CHANGED), _prefix(), views=2, precision=precision)
    on_disk = feature_room._size(cache.files.folder)
    headers = 6 * 128  # of .npy, two versions in three parts
    assert on_disk - headers == cache_bytes(N, 2, cache.shape, precision)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """A disk whose free space a test sets; what is removed becomes free."""
    state = {"free": 50 * 10**9}
    monkeypatch.setattr(feature_room, "_free", lambda _: state["free"])
    plain = feature_room._removed

    def removed(folder: Path) -> bool:
        size = feature_room._size(folder)
        gone = plain(folder)
        state["free"] += size if gone else 0
        return gone

    monkeypatch.setattr(feature_room, "_removed", removed)
    yield state


def _old_cache(store: Store, name: str, n_bytes: int) -> Path:
    folder = store.folder("features", name, "view_0000")
    with (folder / "part_00000000.npy").open("wb") as file:
        file.truncate(n_bytes)
    return folder.parent


def test_no_room_is_said_before_anything_is_written(
    images: RoleImages, store: Store, disk: dict[str, int]
) -> None:
    disk["free"] = 10**9 + 1000
    assert not has_room(store, 10**6)
    with pytest.raises(TrainingError, match=r"40 images in 1 versions take 0\.0 GB more") as error:
        _kept(store, ImageFeed(images, SMALL), _prefix())
    assert "half precision" in error.value.next_step
    assert not list(store.folder("features").rglob("*.npy"))


def test_what_was_used_longest_ago_makes_way(store: Store, disk: dict[str, int]) -> None:
    folders = {name: _old_cache(store, name, 10**9) for name in "abc"}
    feature_room.used_now(folders["a"])
    disk["free"] = 20 * 10**9  # a tenth of 23 GB: room for two
    mine = store.folder("features", "mine")
    assert make_room(store, 10**6, keep=mine)
    assert [name for name, folder in folders.items() if folder.exists()] == ["a", "c"]
    assert make_room(store, 10**6, keep=mine) and folders["c"].exists()


def test_what_is_being_computed_and_what_is_needed_stays(store: Store, disk: dict[str, int]) -> None:
    busy, mine, old = (_old_cache(store, name, 3 * 10**9) for name in ("busy", "mine", "old"))
    disk["free"] = 2 * 10**9
    with FileLock(busy.with_name("busy.lock")) as lock:
        assert lock.acquire()
        assert make_room(store, 3 * 10**9, keep=mine)
    assert (busy.exists(), mine.exists(), old.exists()) == (True, True, False)


def test_what_a_training_has_open_stays_until_it_ends(
    images: RoleImages, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its validation images' features must not push out those of its training images."""
    monkeypatch.setattr(feature_room, "MOST_BYTES", 1)
    first, second = images.where(np.arange(N) < N - 8), images.where(np.arange(N) >= N - 8)
    train = _kept(store, ImageFeed(first, SMALL), _prefix())
    _kept(store, ImageFeed(second, SMALL), _prefix())
    folder = train.files.folder
    assert folder.exists()
    del train
    gc.collect()
    _kept(store, ImageFeed(second, SMALL, CHANGED), _prefix())
    assert not folder.exists()


def test_embeddings_are_those_of_predicting(store: Store, tmp_path: Path) -> None:
    network = small_network()
    found = pictures(tmp_path / "pictures", 12)
    predictions = predict(network, found)
    paths = tuple(found.absolute(path) for path in found.table["path"])
    role = RoleImages(
        paths, predictions.labels.astype(np.int64), tuple(found.table["id"]), tuple(map(content_hash, paths))
    )
    feed = ImageFeed(role, network.preprocessing)
    embeddings = finished(embedding_steps(store, feed, network), lambda _: None)
    assert predictions.embeddings is not None and embeddings.dtype == np.float32
    assert np.abs(embeddings - predictions.embeddings).max() < 1e-5 * np.abs(embeddings).max()
