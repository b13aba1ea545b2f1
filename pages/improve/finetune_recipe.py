"""How to train: the kind of recipe, its main settings, and all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from models.errors import RecipeError
from models.finetune.recipe import DEFAULTS, KINDS, Recipe
from pages.improve.finetune_settings import GROUPS, MAIN, Setting
from pages.shared import state

FIRST = "last_block"
_ACROSS = 3


def chosen_kind() -> str:
    """Ask for the kind of recipe."""
    kinds = list(KINDS)
    return str(
        st.radio(
            "Recipe", kinds, index=kinds.index(FIRST), key="finetune_kind", persist_state="session",
            format_func=lambda kind: KINDS[kind].label, captions=[KINDS[kind].sentence for kind in kinds],
            label_visibility="collapsed",
        )
    )  # fmt: skip


def chosen_recipe(kind: str) -> tuple[Recipe, str]:
    """Ask for the settings of a kind of recipe: the main ones in sight, the others folded away.

    Args:
        kind: a key of ``KINDS``.

    Returns:
        The recipe, and why it makes no sense ("" where it does; else the recipe is the usual one).
    """
    usual = DEFAULTS[kind]
    values: dict[str, Any] = {}
    for column, setting in zip(st.columns(len(MAIN)), MAIN, strict=True):
        with column:
            values[setting.name] = _asked(setting, usual)
    with st.expander("All settings", key=f"recipe_{kind}_all"):
        for title, settings in GROUPS.items():
            st.markdown(f"**{title}**")
            _row(settings, usual, values)
        st.button(
            "Back to the usual settings", key=f"recipe_{kind}_reset", icon=":material/restart_alt:", type="tertiary",
            on_click=_reset, args=(kind,),
        )  # fmt: skip
    try:
        return Recipe.from_json({**usual.to_json(), **values}), ""
    except RecipeError as error:
        state.explain(error)
        return usual, error.message


def _row(settings: Sequence[Setting], usual: Recipe, values: dict[str, Any]) -> None:
    """Ask for those settings that count, three side by side; what they say is added to the values."""
    place, columns = 0, st.columns(_ACROSS, vertical_alignment="bottom")
    for setting in settings:
        if not setting.counts(usual.kind, values):
            continue
        if place == _ACROSS:
            place, columns = 0, st.columns(_ACROSS, vertical_alignment="bottom")
        with columns[place]:
            values[setting.name] = _asked(setting, usual)
        place += 1


def _key(kind: str, setting: Setting) -> str:
    return f"recipe_{kind}_{setting.name}"


def _asked(setting: Setting, usual: Recipe) -> Any:
    return setting.asked(getattr(usual, setting.name), _key(usual.kind, setting))


def _reset(kind: str) -> None:
    for setting in (*MAIN, *(each for settings in GROUPS.values() for each in settings)):
        st.session_state[_key(kind, setting)] = setting.shown(getattr(DEFAULTS[kind], setting.name))
