"""What is known beforehand of each torchvision classifier, so that a file's is found without building all.

``architectures.json`` holds, for each, a sum of hashes over names and shapes of its weights: equal sums mean
equal weights. ``python -m models.architecture_table`` writes it anew for another torchvision; a test
rebuilds it and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from models.meta_modules import built_on_meta, classifier_names, last_layer
from models.store import write_json

Shapes = Mapping[str, tuple[int, ...]]

TABLE = Path(__file__).with_name("architectures.json")
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
COUNTER = "num_batches_tracked"
POSITIONS = "encoder.pos_embedding"

_SKETCH_SIZE = 32
_HASH_RANGE = 1 << 128


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    Args:
        name: torchvision's.
        head: dotted name of the layer that gives the logits.
        body: sum of hashes over names and shapes of all weights but the head's and those that vary.
        sketch: the smallest hashes of the body's names; the overlap of two estimates that of the names.
    """

    name: str
    head: str
    body: str
    sketch: frozenset[str]

    @property
    def container(self) -> str:
        """What holds the head: "classifier" for "classifier.6", "fc" for "fc"."""
        return self.head.split(".", maxsplit=1)[0]


@cache
def architectures() -> Mapping[str, Architecture]:
    """Name to row, sorted by name."""
    rows = _document()["architectures"].items()
    return {
        name: Architecture(name, row["head"], row["body"], frozenset(row["sketch"].split()))
        for name, row in rows
    }


@cache
def top_level_names() -> frozenset[str]:
    """First parts of the keys of all classifiers ("layer1", "features", "fc" ...)."""
    return frozenset(_document()["top_level"])


def with_the_same_body(shapes: Shapes) -> tuple[str, ...]:
    """The architectures whose weights have these names and shapes, whatever the head.

    Args:
        shapes: key to shape, as in the file.
    """
    hashes = {key: _hash(key, shape) for key, shape in shapes.items() if not _varies(key)}
    rows = architectures().values()
    found = []
    for prefix in sorted({row.head for row in rows} | {row.container for row in rows}):
        body = f"{sum(each for key, each in hashes.items() if not under(key, prefix)) % _HASH_RANGE:032x}"
        found += [row.name for row in rows if row.body == body and prefix in (row.head, row.container)]
    return tuple(sorted(set(found)))


def most_alike(shapes: Shapes, n: int) -> tuple[str, ...]:
    """The architectures whose names of keys overlap most with the file's.

    Args:
        shapes: key to shape, as in the file.
        n: how many; more where several share the same names and only the shapes can tell.

    Returns:
        Names, most alike first; one at least, even if nothing is alike.
    """
    own = _sketch(shapes)
    overlaps = {name: _overlap(own, row.sketch) for name, row in architectures().items()}
    ranked = sorted(overlaps, key=lambda name: -overlaps[name])
    least = max(overlaps[ranked[n - 1]], 1e-9)
    return tuple(name for name in ranked if overlaps[name] >= least)[: 4 * n] or (ranked[0],)


def under(key: str, prefix: str) -> bool:
    """Whether a key belongs to the layer or container ``prefix``."""
    return key.startswith(f"{prefix}.")


def table_document() -> dict[str, Any]:
    """The content of ``architectures.json``, made from the installed torchvision."""
    rows: dict[str, dict[str, str]] = {}
    top_level: set[str] = set()
    for name in classifier_names():
        module = built_on_meta(name, auxiliary=True)
        head = last_layer(module)
        shapes = {key: tuple(weight.shape) for key, weight in module.state_dict().items()}
        body = {key: shape for key, shape in shapes.items() if not (under(key, head) or _varies(key))}
        total = sum(_hash(key, shape) for key, shape in body.items()) % _HASH_RANGE
        rows[name] = {"head": head, "body": f"{total:032x}", "sketch": " ".join(sorted(_sketch(body)))}
        top_level |= {key.split(".", maxsplit=1)[0] for key in shapes}
    return {"top_level": sorted(top_level), "architectures": rows}


def _document() -> Any:
    return json.loads(TABLE.read_text(encoding="utf-8"))


def _varies(key: str) -> bool:
    """Whether a weight may be absent, or of another shape, without its being another architecture."""
    return key.endswith(COUNTER) or key.startswith(AUXILIARY) or key == POSITIONS


def _hash(key: str, shape: tuple[int, ...]) -> int:
    return int.from_bytes(blake2b(f"{key} {shape}".encode(), digest_size=16).digest(), "little")


def _sketch(keys: Iterable[str]) -> frozenset[str]:
    hashes = {blake2b(key.encode(), digest_size=4).hexdigest() for key in keys if not _varies(key)}
    return frozenset(sorted(hashes)[:_SKETCH_SIZE])


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    smallest = sorted(one | other)[:_SKETCH_SIZE]
    return sum(each in one and each in other for each in smallest) / max(1, len(smallest))


if __name__ == "__main__":
    write_json(TABLE, table_document())
