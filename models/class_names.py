"""Names of classes: read from files, found in a checkpoint's metadata, compared. Needs no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from models.errors import ClassNamesError, ClassNamesMismatch

LIST_KEYS = ("class_names", "classes", "class_to_idx", "idx_to_class", "labels", "id2label", "categories")
NESTED_KEYS = ("meta", "metadata", "hyper_parameters", "hparams", "config", "dataset")
SHOWN_NAMES = 12

_ACCEPTED = (
    "Use a text file with one name per line, or JSON: a list, "
    '{"0": "cat"}, {"cat": 0} or {"class_names": [...]}.'
)


def read_class_names(path: Path | str) -> tuple[str, ...]:
    """The class names in a file, in the order of the logits.

    Args:
        path: text with one name per line (blank lines at the end are dropped), or JSON: a list of names,
            index to name, name to index, or one of these under "class_names", "classes" and the like.

    Returns:
        The names, none empty, none twice.

    Raises:
        ClassNamesError: the file cannot be read, is empty, of another kind, or repeats a name.
    """
    path = Path(path)
    text = _text(path)
    if not text.strip():
        raise ClassNamesError(f"The file of class names {path} is empty.", next_step=_ACCEPTED)
    if path.suffix.lower() == ".json" or text.lstrip()[0] in "[{":
        return checked_names(_json_names(text, path), str(path))
    return checked_names([line.strip() for line in text.rstrip().splitlines()], str(path))


def checked_names(names: Sequence[Any], source: str) -> tuple[str, ...]:
    """The names as a tuple, once it is sure that none is empty or repeated.

    Args:
        names: in the order of the logits.
        source: where they come from, for the sentence.

    Raises:
        ClassNamesError: there are none, one is no text or empty, or one occurs twice.
    """
    if not names:
        raise ClassNamesError(f"There are no class names in {source}.", next_step=_ACCEPTED)
    for position, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            what = "empty" if isinstance(name, str) else f"no text ({name!r})"
            raise ClassNamesError(
                f"Class name {position + 1} of {len(names)} in {source} is {what}.",
                next_step="Give every class a name, in the order of the network's outputs.",
            )
    repeated = [f'"{name}" ({times} times)' for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ClassNamesError(
            f"Class names are repeated in {source}: {', '.join(repeated[:SHOWN_NAMES])}.",
            next_step="Give every class a name of its own, for example by adding its number.",
        )
    return tuple(names)


def check_count(names: Sequence[str], n_classes: int, source: str) -> tuple[str, ...]:
    """The names, once it is sure that there is exactly one for each output of the network.

    Raises:
        ClassNamesMismatch: there are more or fewer names than outputs.
        ClassNamesError: a name is empty or repeated.
    """
    checked = checked_names(names, source)
    if len(checked) != n_classes:
        raise ClassNamesMismatch(
            f"The network has {n_classes} outputs, but {source} holds {len(checked)} class names "
            f"({_shown(checked)}).",
            expected=placeholder_names(n_classes),
            found=checked,
            next_step="Choose the file of class names that belongs to this checkpoint.",
        )
    return checked


def placeholder_names(n_classes: int) -> tuple[str, ...]:
    """Names for classes that nobody named.

    >>> placeholder_names(2)
    ('class_0', 'class_1')
    """
    return tuple(f"class_{index}" for index in range(n_classes))


def check_class_names(network_names: Sequence[str], image_names: Sequence[str]) -> None:
    """Make sure that network and images mean the same classes in the same order.

    Args:
        network_names: in the order of the logits.
        image_names: of the image folder or table.

    Raises:
        ClassNamesMismatch: number, names or order differ; the error holds and its message shows both lists.
    """
    network, images = tuple(network_names), tuple(image_names)
    if network == images:
        return
    raise ClassNamesMismatch(
        f"{_difference(network, images)} The network's classes: {_shown(network)}. "
        f"The images' classes: {_shown(images)}.",
        expected=network,
        found=images,
        next_step="Choose the file of class names in the order of training, or rename the image folders.",
    )


def check_labels(network_names: Sequence[str], image_names: Sequence[str]) -> None:
    """Make sure that the network knows every label of the images.

    A set of images may lack some of the network's classes. Where both have equally many, their order must
    be the same too: another order is nearly always a file of names in the wrong order.

    Args:
        network_names: in the order of the logits.
        image_names: of the image folder or table.

    Raises:
        ClassNamesMismatch: a label is unknown to the network, or the order differs; holds both lists.

    >>> check_labels(["cat", "dog", "fox"], ["cat", "fox"])
    """
    if set(image_names) - set(network_names) or len(image_names) == len(network_names):
        check_class_names(network_names, image_names)


def names_in(metadata: Any) -> tuple[tuple[str, ...], str] | None:
    """Class names within a checkpoint's metadata.

    Args:
        metadata: plain data as saved with the weights; JSON texts (safetensors) are read too.

    Returns:
        The names and the key they stood under, or None where there are none.

    Raises:
        ClassNamesError: names are there, but one is empty or repeated.

    >>> names_in({"epoch": 3, "class_to_idx": {"dog": 1, "cat": 0}})
    (('cat', 'dog'), 'class_to_idx')
    """
    if not isinstance(metadata, Mapping):
        return None
    for key in LIST_KEYS:
        names = _ordered(_unpacked(metadata.get(key)))
        if names is not None:
            return checked_names(names, f'the checkpoint\'s "{key}"'), key
    for key in NESTED_KEYS:
        nested = names_in(_unpacked(metadata.get(key)))
        if nested is not None:
            return nested[0], f"{key}.{nested[1]}"
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ClassNamesError(
            f"The file of class names {path} cannot be read ({error.strerror or error}).", next_step=_ACCEPTED
        ) from error
    except UnicodeDecodeError as error:
        raise ClassNamesError(
            f"The file of class names {path} is no UTF-8 text (byte {error.start}).", next_step=_ACCEPTED
        ) from error


def _json_names(text: str, path: Path) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ClassNamesError(
            f"The file of class names {path} is no valid JSON ({error}).", next_step=_ACCEPTED
        ) from error
    found = _ordered(value)
    if found is None and isinstance(value, Mapping):
        nested = names_in(value)
        found = list(nested[0]) if nested else None
    if found is None:
        raise ClassNamesError(
            f"The JSON in {path} holds no list of class names, nor indices and names.", next_step=_ACCEPTED
        )
    return found


def _unpacked(value: Any) -> Any:
    """What a JSON text holds; a text that is no JSON but has commas or lines is a list; else the value."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return [part.strip() for part in value.replace("\n", ",").split(",") if part.strip()]


def _ordered(value: Any) -> list[Any] | None:
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, Mapping) or not value:
        return None
    by_index = _by_index(list(value.items())) or _by_index([(index, name) for name, index in value.items()])
    return by_index if by_index and all(isinstance(name, str) for name in by_index) else None


def _by_index(pairs: list[tuple[Any, Any]]) -> list[Any] | None:
    try:
        indexed = {int(index): name for index, name in pairs if not isinstance(index, bool | float)}
    except (TypeError, ValueError):
        return None
    return [indexed[i] for i in range(len(pairs))] if set(indexed) == set(range(len(pairs))) else None


def _difference(network: tuple[str, ...], images: tuple[str, ...]) -> str:
    only_network = [name for name in network if name not in set(images)]
    only_images = [name for name in images if name not in set(network)]
    if len(network) != len(images):
        counts = f"The network has {len(network)} classes, the images have {len(images)}"
    elif only_network or only_images:
        counts = "The network and the images name different classes"
    else:
        first = next(i for i, pair in enumerate(zip_longest(network, images)) if pair[0] != pair[1])
        return (
            f"The network and the images have the same classes in another order: number {first + 1} is "
            f"{network[first]} in the network and {images[first]} in the images."
        )
    parts = [("only in the network", only_network), ("only in the images", only_images)]
    return counts + "".join(f"; {words}: {_shown(names)}" for words, names in parts if names) + "."


def _shown(names: Sequence[str]) -> str:
    more = f" ... and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
