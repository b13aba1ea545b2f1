"""Sentences of the page of slices."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.number_words import interval_words, percent
from analysis.slice_record import Slice, Slices


def headline_words(found: Slices) -> str:
    """What was found, in one sentence."""
    n = len(found.confirmed)
    if not n:
        return "No kind of image fails more often than the others of its classes, beyond what chance does."
    kinds = "One kind of image fails" if n == 1 else f"{n} kinds of image fail"
    return f"{kinds} more often than the others of {'its' if n == 1 else 'their'} classes"


def caption_words(found: Slices) -> str:
    """How it was confirmed, in plain words."""
    words = (
        "Each kind was found on one half of the images and then tested on the other half, which it had never seen. "
        "There the mistakes of each class were compared with all ways in which chance could have spread them over "
        "the images of that class, so a hard class alone is no finding. "
    )
    if found.n_tested > 1:
        words += f"The test is corrected for all {found.n_tested:,} kinds that reached it. "
    return words + "The rates are those of the half that was not searched."


def tried_words(found: Slices) -> str:
    """What was looked at, and how much of it."""
    return (
        f"{found.n_images:,} images with {found.n_errors:,} mistakes were searched by {_listed(found.features)}: "
        f"{found.n_searched:,} rules and groups, of which {found.n_tested:,} looked weak on one half and were "
        f"tested on the other; {len(found.confirmed):,} {'was' if len(found.confirmed) == 1 else 'were'} confirmed."
    )


def rates_words(found: Slice) -> str:
    """Its rates on the held-out half, with the interval and what they mean in mistakes."""
    return (
        f"{percent(found.held_out_rate)} wrong ({found.held_out_errors:,} of {found.held_out_n:,}; "
        f"{interval_words(found.interval)}) against {percent(found.held_out_rate_outside)}"
    )


def errors_words(found: Slice) -> str:
    """How many mistakes it accounts for."""
    more = round(found.excess_errors)
    if more < 1:
        return "no mistakes beyond the usual"
    return f"about {more:,} {'mistake' if more == 1 else 'mistakes'} beyond the usual"


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
