"""Decisions about images in words, and whether they still hold."""

from __future__ import annotations

from models.notes import Decision, ImageNote

DECISION_WORDS: dict[Decision, str] = {
    "model": "Model's fault",
    "label": "Label wrong",
    "image": "Bad image",
    "ambiguous": "Ambiguous",
}
"""What a person calls each decision; "model" says that the label is right."""


def decision_on(note: ImageNote | None, label: str) -> Decision | None:
    """The decision that holds for an image with this label; None where there is none.

    That a label is right, ambiguous or wrong was said of the label the image had then.
    """
    if note is None or note.label != label:
        return None
    return note.decision


def decision_words(note: ImageNote | None, label: str) -> str:
    """The decision as it stands under an image; "" where there is none."""
    decision = decision_on(note, label)
    if decision is None or note is None:
        return ""
    if note.corrected_label:
        return f"{DECISION_WORDS[decision]}: {note.corrected_label}"
    return DECISION_WORDS[decision]
