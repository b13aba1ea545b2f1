import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.content import content_hash
from models.errors import TrainingError
from models.finetune import feeds
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.feeds import ImageFeed, draw_seed
from models.finetune.role_images import RoleImages
from models.finetune.sampling import epoch_order
from models.image_input import image_input
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tests.models.prediction_samples import picture

SMALL = Preprocessing(48, 40, IMAGENET_MEAN, IMAGENET_STD)
CHANGED = Augmentation((Operation("rotation", 30.0), Operation("horizontal_flip", probability=0.5)))
N = 12


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> RoleImages:
    folder = tmp_path_factory.mktemp("feed")
    return _role([picture(folder / f"{seed}.jpg", seed, (100 + 9 * seed, 130)) for seed in range(N)])


def _role(paths: list[Path]) -> RoleImages:
    labels = np.arange(len(paths), dtype=np.int64) % 3
    hashes = tuple(map(content_hash, paths))
    return RoleImages(tuple(paths), labels, tuple(path.name for path in paths), hashes)


def test_without_augmentation_images_are_those_of_predicting(images: RoleImages) -> None:
    feed = ImageFeed(images, SMALL)
    rows = [4, 0, 4, 11]
    wanted = torch.stack([image_input(images.paths[row], SMALL) for row in rows])
    assert torch.equal(feed.batch(rows, 0), wanted) and torch.equal(feed.batch(rows, 7), wanted)
    assert feed.labels.tolist() == images.labels.tolist() and len(feed) == N


def test_a_version_is_the_same_whatever_else_was_drawn(images: RoleImages) -> None:
    feed, other = ImageFeed(images, SMALL, CHANGED, 3), ImageFeed(images, SMALL, CHANGED, 3, threads=3)
    first = feed.batch([5, 1, 5], 2)
    torch.rand(5)
    other.batch(range(N), 0)
    assert torch.equal(other.batch([5, 1, 5], 2), first) and torch.equal(first[0], first[2])
    assert all(
        torch.equal(each, feed.batch([5], view)[0]) for view, each in enumerate(feed.views(5, range(3)))
    )


def test_versions_images_and_seeds_differ(images: RoleImages) -> None:
    versions = [
        ImageFeed(images, SMALL, CHANGED, seed).batch([5], view) for seed in (0, 1) for view in (0, 1)
    ]
    assert all(not torch.equal(a, b) for place, a in enumerate(versions) for b in versions[:place])
    seeds = {draw_seed(seed, view, content) for seed in (0, 1) for view in (0, 1) for content in ("a", "b")}
    assert len(seeds) == 8


def test_it_is_known_by_content_not_by_place(images: RoleImages, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(images.paths[5].read_bytes())
    moved = _role([copy])
    assert torch.equal(
        ImageFeed(moved, SMALL, CHANGED).batch([0], 1), ImageFeed(images, SMALL, CHANGED).batch([5], 1)
    )


def test_nothing_global_is_drawn_from_or_set(images: RoleImages) -> None:
    torch.manual_seed(1)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    ImageFeed(images, SMALL, CHANGED, threads=2).batch(range(N), 0)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads


def test_key_changes_with_all_that_decides_the_input(images: RoleImages) -> None:
    feeds = [
        ImageFeed(images, SMALL),
        ImageFeed(images, Preprocessing(48, 48, IMAGENET_MEAN, IMAGENET_STD)),
        ImageFeed(images, SMALL, CHANGED),
        ImageFeed(images, SMALL, CHANGED, 1),
        ImageFeed(images.where(np.arange(N) != 3), SMALL),
    ]
    assert len({feed.key() for feed in feeds}) == len(feeds)
    assert ImageFeed(images, SMALL, seed=1).key() == feeds[0].key()  # nothing is drawn


def test_a_file_that_changed_or_is_gone_ends_the_training(tmp_path: Path) -> None:
    images = _role([picture(tmp_path / f"{seed}.jpg", seed) for seed in range(3)])
    feed = ImageFeed(images, SMALL)
    feed.batch([0, 1, 2], 0)
    os.utime(images.paths[0], ns=(1, 1))
    feed.batch([0], 0)  # touched, but the same
    picture(images.paths[0], 99)
    with pytest.raises(TrainingError, match=r"0\.jpg cannot be used any more: the file has changed"):
        feed.batch([0], 0)
    images.paths[1].unlink()
    with pytest.raises(TrainingError, match=r"1\.jpg cannot be used any more: the file is missing"):
        feed.batch([2, 1], 0)


def test_a_file_is_hashed_once(images: RoleImages, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(feeds, "content_hash", lambda path: read.append(path) or content_hash(path))
    feed = ImageFeed(images, SMALL)
    for _ in range(3):
        feed.batch([1, 2], 0)
    assert read == [images.paths[1], images.paths[2]]


def test_pictures_of_different_sizes_make_no_batch(images: RoleImages) -> None:
    feed = ImageFeed(images, Preprocessing(48, None, IMAGENET_MEAN, IMAGENET_STD))
    with pytest.raises(
        TrainingError, match=r"7\.jpg becomes another size than 0\.jpg \(\d+ x \d+ and \d+ x \d+ pixels"
    ):
        feed.batch([0, 7], 0)


def test_several_threads_may_ask_at_once(images: RoleImages) -> None:
    feed = ImageFeed(images, SMALL, CHANGED)
    wanted = [feed.batch(range(N), view) for view in range(4)]
    found: dict[int, torch.Tensor] = {}
    asking = [
        threading.Thread(target=lambda view=view: found.update({view: feed.batch(range(N), view)}))
        for view in range(4)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert all(torch.equal(found[view], wanted[view]) for view in range(4))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Hashes of the bytes of all files that were really decoded."""
    hashes: set[str] = set()
    plain = feeds.decoded

    def noted(path: Path, **options: object) -> object:
        hashes.add(hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())
        return plain(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(feeds, "decoded", noted)
    yield hashes


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held_out=st.sets(st.integers(0, N - 1)), seed=st.integers(0, 5), weighted=st.booleans())
def test_no_validation_image_is_ever_in_a_batch(
    images: RoleImages, seen: set[str], held_out: set[int], seed: int, weighted: bool
) -> None:
    """Whatever is drawn: a batch without validation images is read, one with any is not."""
    seen.clear()
    forbidden = frozenset(images.hashes[row] for row in held_out)
    feed = ImageFeed(images, SMALL, forbidden=forbidden)
    generator = torch.Generator().manual_seed(seed)
    weights = torch.arange(1.0, N + 1) if weighted else None
    order = epoch_order(N, weights, feed.labels, "none", generator)
    for start in range(0, N, 4):
        rows = order[start : start + 4]
        if held_out & set(rows):
            with pytest.raises(AssertionError, match="validation or test"):
                feed.batch(rows, 0)
        else:
            feed.batch(rows, 0)
    assert not seen & forbidden
    for row in held_out:
        with pytest.raises(AssertionError, match="validation or test"):
            feed.views(row, (0,))
