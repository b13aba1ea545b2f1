"""Which methods are shown, with which settings; both from the one table of methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from models.errors import AttributionError
from pages.shared.addressed import addressed, choose, put_right, say_what_was_put_right, write_address
from pages.shared.state import escaped, keep_widget

if TYPE_CHECKING:
    from analysis.attribution.records import Method, Option, OptionValue
    from models.network import Network

USUAL = ("grad_cam", "smooth_grad", "integrated_gradients", "lrp")
COSTS = {
    "instant": (":material/bolt:", "at once"),
    "seconds": (":material/timer:", "seconds"),
    "minutes": (":material/hourglass_top:", "longer, starts when you say so"),
}
SLIDER_STEPS = 200
OWN_CHOICE = "found by itself"


def chosen_methods() -> list[Method]:
    """Draw the menu of methods and return those to show, in the order of the table."""
    from analysis.attribution import METHODS

    text = addressed("method")
    asked = (text or "").split(",") if text is not None else list(USUAL)
    chosen = [key for key in METHODS if key in asked]
    unknown = [key for key in asked if key and key not in METHODS] if text is not None else []
    if unknown:
        words = f"There is no method {escaped(', '.join(unknown))}; the others are shown."
        put_right("method", ",".join(chosen), words)
    say_what_was_put_right("method")
    write_address("method", ",".join(chosen))
    with st.popover(
        f"Methods · {len(chosen)} of {len(METHODS)}", icon=":material/layers:", key="methods_menu"
    ):
        for family in dict.fromkeys(method.family for method in METHODS.values()):
            members = [method.key for method in METHODS.values() if method.family == family]
            key = _menu_key(family)
            kept = keep_widget(key, [each for each in members if each in chosen])
            st.pills(
                family, members, default=kept, selection_mode="multi", key=key, on_change=_choose_methods,
                format_func=lambda each: f"{COSTS[METHODS[each].cost][0]} {METHODS[each].label}",
            )  # fmt: skip
        st.caption(" · ".join(f"{icon} {words}" for icon, words in COSTS.values()))
    return [METHODS[key] for key in chosen]


def _menu_key(family: str) -> str:
    return f"methods_{family.lower().replace(' ', '_')}"


def _choose_methods() -> None:
    from analysis.attribution import METHODS

    families = dict.fromkeys(method.family for method in METHODS.values())
    chosen = {key for family in families for key in st.session_state[_menu_key(family)] or []}
    choose("method", ",".join(key for key in METHODS if key in chosen))


def drop_method(key: str) -> None:
    """Take a method off the page."""
    shown = (addressed("method") or "").split(",")
    choose("method", ",".join(each for each in shown if each != key))


def settings_of(method: Method, network: Network) -> dict[str, OptionValue]:
    """The settings a person chose for a method, over its defaults; without a layer of another network.

    Args:
        method: the method.
        network: the network it explains.
    """
    chosen = st.session_state.get("explain_options", {}).get(method.key, {})
    settings = {option.name: chosen.get(option.name, option.default) for option in method.options}
    if settings.get("layer") and settings["layer"] not in _layers(network):
        settings["layer"] = ""
    return settings


def options_form(method: Method, network: Network) -> None:
    """Draw a method's settings, and where it comes from."""
    settings = settings_of(method, network)
    for option in method.options:
        _field(method, option, settings[option.name], network)
    if any(settings[option.name] != option.default for option in method.options):
        st.button(
            "Usual settings", icon=":material/restart_alt:", type="tertiary", on_click=_forget,
            args=(method.key,), key=f"usual_{method.key}",
        )  # fmt: skip
    facts = [
        method.source,
        f"Needs {method.needs}." if method.needs else "",
        f"Its relevance adds up to {method.promise}." if method.promise else "",
    ]
    st.caption("  \n".join(escaped(fact) for fact in facts if fact))


def _field(method: Method, option: Option, value: OptionValue, network: Network) -> None:
    key = f"option_{method.key}_{option.name}"
    arguments: dict[str, Any] = {
        "key": key, "help": escaped(option.meaning), "on_change": _keep_option, "args": (method.key, option.name),
    }  # fmt: skip
    if option.name == "layer":
        layers = ["", *_layers(network)]
        place = layers.index(keep_widget(key, str(value)))
        st.selectbox(option.label, layers, place, format_func=lambda name: name or OWN_CHOICE, **arguments)
        return
    keep_widget(key, value)
    if option.choices:
        st.selectbox(option.label, list(option.choices), option.choices.index(value), **arguments)
    elif option.low is None or option.high is None:
        st.text_input(option.label, str(value), **arguments)
    else:
        _number(option, value, arguments)


def _number(option: Option, value: OptionValue, arguments: dict[str, Any]) -> None:
    kind = int if isinstance(option.default, int) else float
    assert option.low is not None and option.high is not None and option.step is not None
    low, high, step = kind(option.low), kind(option.high), kind(option.step)
    if (high - low) / step <= SLIDER_STEPS:
        st.slider(option.label, low, high, kind(value), step=step, **arguments)
    else:
        st.number_input(option.label, low, high, kind(value), step=step, **arguments)


def _layers(network: Network) -> Sequence[str]:
    from analysis.attribution import spatial_layers

    try:
        return spatial_layers(network, network.preprocessing.input_size() or (224, 224))
    except AttributionError:
        return ()


def _keep_option(method: str, name: str) -> None:
    options = st.session_state.setdefault("explain_options", {})
    options.setdefault(method, {})[name] = st.session_state[f"option_{method}_{name}"]


def _forget(method: str) -> None:
    st.session_state.get("explain_options", {}).pop(method, None)
