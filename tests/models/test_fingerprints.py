import hashlib
from pathlib import Path

import pytest

from models.errors import CheckpointError
from models.fingerprints import name_of, network_fingerprint, weights_fingerprint


def test_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    (tmp_path / "a").write_bytes(content)
    assert weights_fingerprint(tmp_path / "a") == hashlib.sha256(content).hexdigest()[:32]


def test_one_byte_changes_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0" * 1000)
    (tmp_path / "b").write_bytes(b"\0" * 999 + b"\1")
    assert weights_fingerprint(tmp_path / "a") != weights_fingerprint(tmp_path / "b")


def test_unreadable_file_is_explained(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            weights_fingerprint(path)


def test_everything_that_decides_predictions_counts() -> None:
    base = ("ab", "resnet18", ("x", "y"), {"resize": 256, "crop": 224})
    changed = [
        ("ac", *base[1:]),
        ("ab", "resnet34", *base[2:]),
        ("ab", "resnet18", ("y", "x"), base[3]),
        (*base[:3], {"resize": 255, "crop": 224}),
    ]
    prints = [network_fingerprint(*each) for each in (base, *changed)]
    assert len(set(prints)) == 5
    assert all(len(each) == 32 for each in prints)


def test_order_of_keys_does_not_count() -> None:
    one = network_fingerprint("a", "b", ["c"], {"resize": 1, "crop": 2})
    assert one == network_fingerprint("a", "b", ["c"], {"crop": 2, "resize": 1})


def test_the_names_of_files_that_are_kept_already_stay() -> None:
    """Another name, and all that lies in people's workspaces would be computed again."""
    asked = (2, "key", (1, 0), {"samples": 3, "layer": "é"})
    expected = hashlib.sha256(b'[2, "key", [1, 0], {"layer": "\\u00e9", "samples": 3}]').hexdigest()[:32]
    assert name_of(*asked) == expected == "8a65dd900b21368ae26aa10983d314dd"
