"""What was found of duplicates, in words."""

from __future__ import annotations

from analysis.duplicates import Duplicates


def headline(duplicates: Duplicates) -> str:
    """Such as "**3** pictures occur more than once: 2 exactly, 1 changed a little. **1** has two labels."."""
    exact = sum(cluster.kind == "exact" for cluster in duplicates.clusters)
    near = len(duplicates.clusters) - exact
    kinds = [f"{exact:,} exactly"] * bool(exact) + [f"{near:,} changed a little"] * bool(near)
    n, conflicts = len(duplicates.clusters), len(duplicates.conflicts)
    words = f"**{n:,}** picture{' occurs' if n == 1 else 's occur'} more than once: {', '.join(kinds)}."
    if conflicts:
        have = (
            "has different labels, and at most one of them"
            if conflicts == 1
            else "have different labels, and at most one of each"
        )
        words += f" **{conflicts:,}** {have} is right."
    return words


def remarks(duplicates: Duplicates) -> list[str]:
    """What was left out or could not be done, a sentence each."""
    words = []
    if duplicates.n_missing:
        words.append(
            f"{duplicates.n_missing:,} of {duplicates.n_images:,} images could not be read and were left out."
        )
    if not duplicates.used_embeddings:
        words.append(
            "There is no network here to ask, so only copies that look nearly the same as a whole were found; "
            "cropped and mirrored ones may be missing."
        )
    return words + alike_remarks(len(duplicates.alike), duplicates.n_not_looked_at)


def alike_remarks(n_alike: int, n_not_looked_at: int) -> list[str]:
    """What only looks alike, and what nobody compared, a sentence each."""
    words = []
    if n_not_looked_at:
        words.append(f"{n_not_looked_at:,} more pairs look alike; they were too many to compare closely.")
    if n_alike:
        pairs = "1 pair looks" if n_alike == 1 else f"{n_alike:,} pairs look"
        words.append(f"{pairs} alike at first sight, but the details differ: not counted.")
    return words
