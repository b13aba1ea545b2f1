"""The network's weights within whatever a training script saved around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models.errors import CheckpointError, WeightsMismatch
from models.weights_file import SAVE_WEIGHTS

PREFERRED = ("state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params")
SHOWN_KEYS = 6

_NOT_A_NETWORK = re.compile(
    r"(optim|sched|scaler|amp$|loop|callback|rng|random_state|grad|exp_avg|momentum)", re.I
)
_AVERAGED = re.compile(r"(^|_)(ema|swa|averaged?|shadow)(_|$)", re.I)
_LOSS_OR_METRIC = re.compile(
    r"^n_averaged$|^(criterion|loss|loss_fn|loss_func(tion)?|.+_loss|loss_.+)$"
    r"|^(train|val|valid|validation|test)?_?"
    r"(acc|accuracy|f1|f1_score|auroc|auc|precision|recall|metrics?|confmat|confusion_matrix)(_?(\d+|top\d*|train|val|test))?$",
    re.I,
)
_RENAMED = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_2\."), r"\1.3."),
)


@dataclass(frozen=True)
class FoundWeights:
    """A network's weights, taken out of what was saved around them.

    Args:
        tensors: key to weight, prefixes removed, in today's spelling of torchvision's keys.
        metadata: the plain data beside them (epoch, class names ...).
        words: what was unwrapped, removed and set aside; empty for a plain state dict.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]
    words: tuple[str, ...]


def found_weights(loaded: Any, top_level: Collection[str]) -> FoundWeights:
    """Find the network's weights in what ``torch.load`` returned.

    Args:
        loaded: anything that weights-only loading gives.
        top_level: first parts of keys that belong to a network and are never a wrapper's prefix.

    Raises:
        CheckpointError: there are no weights, or those of several networks.
        WeightsMismatch: keys outside the network that are no known loss or metric.
    """
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"The file holds {_described(loaded)}, not weights by name.", next_step=SAVE_WEIGHTS
        )
    path, words = _chosen(loaded)
    chosen = _at(loaded, path)
    tensors = {str(key): value for key, value in chosen.items() if isinstance(value, Tensor)}
    tensors, prefix_words = without_prefixes(tensors, top_level)
    return FoundWeights(
        tensors={_renamed(key): value for key, value in tensors.items()},
        metadata=_metadata(loaded, path),
        words=(*words, *prefix_words),
    )


def without_prefixes(
    tensors: dict[str, Tensor], top_level: Collection[str]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Remove what wrappers put before every key ("module.", Lightning's "model.", "_orig_mod." ...).

    Args:
        tensors: key to weight.
        top_level: first parts of keys that are never a wrapper's prefix.

    Returns:
        The weights under their own keys, and what was done, in words.

    Raises:
        CheckpointError: several networks stand side by side.
        WeightsMismatch: some keys are neither the network's nor a known loss or metric.
    """
    removed, aside = "", []
    while True:
        outside = [key for key in tensors if _is_outside(key, top_level)]
        aside += [removed + key for key in outside]
        tensors = {key: value for key, value in tensors.items() if key not in set(outside)}
        prefix = _wrapper_prefix(tensors, top_level)
        if not prefix:
            break
        other = [key for key in tensors if not key.startswith(prefix)]
        aside += [removed + key for key in other]
        tensors = {
            key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
        }
        removed += prefix
    words = [f'prefix "{removed}" removed'] * bool(removed)
    words += [f"set aside as no part of the network: {_shown(aside)}"] * bool(aside)
    return tensors, tuple(words)


def _wrapper_prefix(tensors: Mapping[str, Tensor], top_level: Collection[str]) -> str:
    firsts = Counter(key.split(".", 1)[0] if "." in key else "" for key in tensors)
    if len(firsts) == 1:
        (only,) = firsts
        # "encoder." may be a transformer's own, or a wrapper around all of another network
        wraps = only and (only not in top_level or _holds_network(tensors, only, top_level))
        return f"{only}." if wraps else ""
    if not firsts or any(first in top_level for first in firsts):
        return ""
    current = {first: count for first, count in firsts.items() if not _AVERAGED.search(first)}
    if len(current) == 1 and "" not in current:
        return f"{next(iter(current))}."
    (largest, count), *_ = firsts.most_common(1)
    if largest and count >= 0.8 * firsts.total():
        extra = [key for key in tensors if not key.startswith(f"{largest}.")]
        raise WeightsMismatch(
            f'Beside the network under "{largest}." the file has {len(extra)} keys that belong to something '
            f"else: {_shown(extra)}.",
            extra=extra,
            next_step=SAVE_WEIGHTS,
        )
    wrapped = [first for first in current if first and _holds_network(tensors, first, top_level)]
    if len(wrapped) > 1:
        raise _several(wrapped)
    return ""


def _holds_network(tensors: Mapping[str, Tensor], first: str, top_level: Collection[str]) -> bool:
    return any(key.startswith(f"{first}.") and key.split(".")[1] in top_level for key in tensors)


def _is_outside(key: str, top_level: Collection[str]) -> bool:
    first = key.split(".", 1)[0]
    return first not in top_level and _LOSS_OR_METRIC.match(first) is not None


def _chosen(loaded: Mapping[Any, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = dict(_state_dicts(loaded, ()))
    if not found:
        raise _nothing(loaded)
    largest = max(found.values())
    paths = [path for path, count in found.items() if count > 0.5 * largest]
    current = [path for path in paths if not any(map(_AVERAGED.search, path))] or paths
    if len(current) > 1:
        named = [path for path in current if path and path[-1] in PREFERRED]
        if len(named) != 1:
            raise _several([".".join(path) or "(top level)" for path in current])
        current = named
    others = [".".join(path) for path in paths if path != current[0]]
    words = [f'weights under "{".".join(current[0])}"'] * bool(current[0])
    words += [f"another set of weights is not used: {_shown(others)}"] * bool(others)
    return current[0], tuple(words)


def _state_dicts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if not isinstance(value, Mapping) or len(path) > 3:
        return
    count = sum(isinstance(item, Tensor) and item.ndim > 0 for item in value.values())
    if count:
        yield path, count
    for key, item in value.items():
        if isinstance(key, str) and not _NOT_A_NETWORK.search(key):
            yield from _state_dicts(item, (*path, key))


def _nothing(loaded: Mapping[Any, Any]) -> CheckpointError:
    keys = [str(key) for key in loaded]
    if "param_groups" in keys or (keys and any(map(_NOT_A_NETWORK.search, keys))):
        return CheckpointError(
            f"The file holds the state of an optimiser or schedule but no network ({_shown(keys)}).",
            next_step="Choose the file with the network's weights; " + SAVE_WEIGHTS,
        )
    what = f"only {_shown(keys)}" if keys else "an empty dictionary"
    return CheckpointError(f"The file holds no weights, {what}.", next_step=SAVE_WEIGHTS)


def _several(names: list[str]) -> CheckpointError:
    return CheckpointError(
        f"The file holds the weights of several networks: {', '.join(sorted(names))}.",
        next_step="Save the one you want to look at alone: "
        f'torch.save(checkpoint["{sorted(names)[0]}"], "weights.pth").',
    )


def _at(loaded: Mapping[Any, Any], path: tuple[str, ...]) -> Mapping[Any, Any]:
    for key in path:
        loaded = loaded[key]
    return loaded


def _metadata(loaded: Mapping[Any, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Plain data at the top and beside the weights; the inner wins."""
    metadata: dict[str, Any] = {}
    for depth in range(len(path) + 1):
        level = _at(loaded, path[:depth])
        metadata |= {
            str(key): value
            for key, value in level.items()
            if not isinstance(value, Tensor) and not _NOT_A_NETWORK.search(str(key)) and key not in path
        }
    return metadata


def _renamed(key: str) -> str:
    for pattern, today in _RENAMED:
        key = pattern.sub(today, key)
    return key


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"one tensor of shape {tuple(value.shape)}"
    return "nothing" if value is None else f"a {type(value).__name__}"


def _shown(keys: list[str]) -> str:
    more = f" ... and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return ", ".join(keys[:SHOWN_KEYS]) + more
