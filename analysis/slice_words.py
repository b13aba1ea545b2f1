"""Slices in words a person reads: what the images are, and what might help them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from analysis.confusion import Booleans, Integers
from analysis.slice_conditions import Condition, Rule
from analysis.slice_features import Feature

QUALITY_WORDS = {
    "brightness": ("dark", "bright"),
    "contrast": ("low contrast", "high contrast"),
    "sharpness": ("blurred", "sharp"),
    "saturation": ("pale", "colourful"),
    "aspect": ("tall", "wide"),
    "pixels": ("few pixels", "many pixels"),
}
"""A measured property to what low and high amounts of it are called."""
_FAR = 0.15
_MOST_ALSO = 3
_TRIAL = "Whether it helps, only a trial tells."
_NEXT = {
    (
        "brightness",
        True,
    ): "train with darker copies of the images (brightness as an augmentation), or collect more images taken in poor light",
    (
        "brightness",
        False,
    ): "train with brighter copies of the images (brightness as an augmentation), or collect more overexposed images",
    ("contrast", True): "train with contrast as an augmentation, or collect more hazy and flat images",
    ("contrast", False): "train with contrast as an augmentation, or collect more images with hard light",
    (
        "sharpness",
        True,
    ): "train with blur as an augmentation, or collect more blurred and out-of-focus images",
    ("sharpness", False): "look for busy backgrounds, and try random erasing or more images with much detail",
    (
        "saturation",
        True,
    ): "train with saturation and grey copies as an augmentation, or collect more pale images",
    (
        "saturation",
        False,
    ): "train with saturation and hue as an augmentation, or collect more colourful images",
    (
        "aspect",
        True,
    ): "look at what the crop cuts off tall images, and try to fit the whole image into the input",
    (
        "aspect",
        False,
    ): "look at what the crop cuts off wide images, and try to fit the whole image into the input",
    (
        "pixels",
        True,
    ): "train with smaller copies scaled up again as an augmentation, or leave out images too small to judge",
    (
        "pixels",
        False,
    ): "try a larger input, or random crops at more scales, for objects that lose detail when scaled down",
}


def rule_words(rule: Rule) -> str:
    """A rule as a person says it.

    >>> rule_words((Condition("brightness", "quality", high=0.2), Condition("camera", "column", level="phone")))
    'dark (brightness below 0.2), camera is phone'
    """
    return ", ".join(condition_words(condition) for condition in rule)


def condition_words(condition: Condition) -> str:
    """A condition as a person says it, with its numbers.

    >>> condition_words(Condition("age", "column", low=2.0, high=5.0)), condition_words(Condition("age", "column"))
    ('age from 2 up to 5', 'age is missing')
    """
    name = condition.feature
    if condition.is_missing:
        return f"{name} is missing"
    if condition.level is not None:
        return f"labelled {condition.level}" if name == "label" else f"{name} is {condition.level}"
    range_words = _range_words(condition)
    if condition.kind == "quality" and (condition.low is None or condition.high is None):
        return f"{QUALITY_WORDS[name][condition.high is None]} ({range_words})"
    return range_words


def _range_words(condition: Condition) -> str:
    low, high = (
        "" if end is None else amount_words(end, is_date=condition.is_date)
        for end in (condition.low, condition.high)
    )
    if condition.is_date:
        middle = f"from {low} up to {high}" if low and high else f"from {low} on" if low else f"before {high}"
    elif low and high:
        middle = f"from {low} up to {high}"
    else:
        middle = f"below {high}" if high else f"{low} or more"
    return f"{condition.feature} {middle}"


def amount_words(amount: float, *, is_date: bool = False) -> str:
    """An amount, or a date, in as few characters as it needs.

    >>> amount_words(0.25), amount_words(140700.0), amount_words(1.0e9, is_date=True)
    ('0.25', '140,700', '2001-09-09')
    """
    if is_date:
        moment = datetime.fromtimestamp(amount, UTC)
        return (
            f"{moment:%Y-%m-%d}" if amount % 86400 == 0 or abs(amount) > 1e8 else f"{moment:%Y-%m-%d %H:%M}"
        )
    return f"{amount:,.0f}" if abs(amount) >= 1000 and amount == round(amount) else f"{amount:,.10g}"


def embedding_words(labels: Integers, wrong: Booleans, predicted: Integers, names: Sequence[str]) -> str:
    """What an embedding slice is, by its classes and its most frequent error.

    Args:
        labels: (n,) of the slice's images.
        wrong: (n,) whether each is wrong.
        predicted: (n,) of its images.
        names: the class names.
    """
    n_of = np.bincount(labels)
    first = int(n_of.argmax())
    if n_of[first] >= 0.6 * len(labels):
        words = f"some images labelled {names[first]} that look alike to the network"
    else:
        words = f"images of {np.count_nonzero(n_of)} classes that look alike to the network"
    if not wrong.any():
        return words
    errors, n = np.unique(np.stack([labels[wrong], predicted[wrong]]), axis=1, return_counts=True)
    label, called = errors[:, n.argmax()]
    return f"{words}, most often {names[label]}/{names[called]}" if n.max() > 1 else words


def typical_words(
    features: Sequence[Feature], inside: Booleans, but: Sequence[str] = ()
) -> tuple[tuple[str, ...], tuple[Feature, ...]]:
    """What sets the images of a slice apart, the most telling first, at most three.

    An amount is told where the slice's median lies among the outer 15 % of the other images; a kind where most
    of the slice is of it, and more than twice as many as elsewhere.

    Args:
        features: of N images.
        inside: (N,) the slice.
        but: features that its name tells already.

    Returns:
        The words, and the amounts among the features they are about.
    """
    found = []
    for feature in features:
        if feature.name in but or feature.kind == "class" or not inside.any() or inside.all():
            continue
        told = _amount_told(feature, inside) if feature.values is not None else _kind_told(feature, inside)
        if told is not None:
            found.append((told[0], told[1], feature))
    found.sort(key=lambda each: each[0])
    amounts = tuple(feature for _, _, feature in found[:_MOST_ALSO] if feature.values is not None)
    return tuple(words for _, words, _ in found[:_MOST_ALSO]), amounts


def _amount_told(feature: Feature, inside: Booleans) -> tuple[float, str] | None:
    assert feature.values is not None
    own, others = (feature.values[side & ~feature.missing] for side in (inside, ~inside))
    if not len(own) or not len(others):
        return None
    middle = np.median(own)
    below = float((others < middle).mean() + (others == middle).mean() / 2)
    if _FAR < below < 1 - _FAR:
        return None
    low, high = QUALITY_WORDS.get(feature.name, (f"low {feature.name}", f"high {feature.name}"))
    if feature.is_date:
        low, high = f"early {feature.name}", f"late {feature.name}"
    return min(below, 1 - below), low if below < 0.5 else high


def _kind_told(feature: Feature, inside: Booleans) -> tuple[float, str] | None:
    assert feature.codes is not None
    n = len(feature.levels) + 1  # the missing ones come first
    own, others = (
        np.bincount(feature.codes[side] + 1, minlength=n) / side.sum() for side in (inside, ~inside)
    )
    most = int(own.argmax())
    if own[most] < 0.6 or own[most] < 2 * others[most]:
        return None
    level = feature.levels[most - 1] if most else None
    words = condition_words(Condition(feature.name, feature.kind, level=level))
    return float(others[most] / own[most]) * _FAR, words


def next_step(rule: Rule) -> str:
    """What might help the images of a slice: a hypothesis to be tried, no more.

    Args:
        rule: its conditions; () for an embedding slice.
    """
    for condition in rule:
        if condition.kind == "quality" and not condition.is_missing:
            return f"A hypothesis to try: {_NEXT[condition.feature, condition.high is not None]}. {_TRIAL}"
    columns = [condition.feature for condition in rule if condition.kind == "column"]
    if columns:
        return (
            f"A hypothesis to try: see whether training has enough images like these (look at {columns[0]} there), "
            f"and collect more of them. {_TRIAL}"
        )
    return (
        "A hypothesis to try: look at the first images and name what they share; then check their labels, or collect "
        f"more such images for training. {_TRIAL}"
    )
