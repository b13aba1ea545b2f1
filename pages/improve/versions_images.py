"""Which images a version learned from and was judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.finetune.version_record import Version
from pages.improve.finetune_images import place_words

ROLES: Mapping[str, str] = {
    "train": "learned from",
    "select": "chose the best epoch (and the target)",
    "report": "held out: judged before against after, nothing was chosen by them",
    "test": "evaluated once, at the end",
}
MOST_SHOWN = 200


def images_table(version: Version) -> None:
    """Draw how many images had which role, and what was left out.

    Args:
        version: it.
    """
    data, spec = version.data, version.finetune_spec
    roles = {role: data[role] for role in ROLES if isinstance(data.get(role), dict) and data[role].get("n")}
    places = {
        "train": place_words(spec.training.path or spec.start.images, spec.training.split),
        "select": place_words(spec.start.images, spec.start.split),
        "report": place_words(spec.start.images, spec.start.split),
        "test": place_words(spec.training.test_path or "", spec.training.test_split),
    }
    st.table(
        {
            "images": [f"{each['n']:,}" for each in roles.values()],
            "what for": [ROLES[role] for role in roles],
            "from": [places[role] for role in roles],
            "fingerprint": [str(each.get("fingerprint", ""))[:8] for each in roles.values()],
        },
        border="horizontal",
    )
    if data.get("held_out"):
        st.caption("There were no training images: one half of the validation images was learned from.")
    _listed("left out of training, because they are validation or test images", data.get("excluded", ()))
    _listed("could not be read", data.get("unreadable", ()))
    empty = data.get("empty_classes", ())
    if empty:
        st.warning(f"No training image: {', '.join(empty)}.", icon=":material/warning:")


def _listed(words: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        with st.expander(f"{len(rows):,} {'image' if len(rows) == 1 else 'images'} {words}"):
            st.dataframe(list(rows[:MOST_SHOWN]), hide_index=True)
