"""A clock that draws a fragment again some time after each drawing has arrived, and never right after a click.

Streamlit's own `run_every` strikes whether or not the last drawing has arrived or a person has just clicked a link,
and inside another fragment it can end the app in the browser ("Cannot set a node at a delta path").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import streamlit as st

_serial = itertools.count()
_mounted = st.components.v2.component(
    "errorscope_clock",
    html='<span class="clock" hidden>\n</span>',
    js="""
// A drawing that is asked for while a click is on its way could overtake it; one on a link is long on its way.
const CALM = 450;
const CALM_AFTER_LINK = 3000;
// A strike that nothing came of (the server was restarted, say) is repeated.
const PATIENCE = 10000;
window.errorscopeCalm ??= (() => {
  const calm = { until: 0 };
  const touched = (event) => {
    const link = event.type === "popstate" || event.composedPath().some((node) => node.tagName === "A");
    calm.until = performance.now() + (link ? CALM_AFTER_LINK : CALM);
  };
  for (const name of ["pointerdown", "keydown", "popstate"]) window.addEventListener(name, touched, true);
  window.addEventListener("pointermove", (event) => { if (event.buttons) touched(event); }, true);
  return calm;
})();

export default function ({ data, parentElement, setTriggerValue }) {
  const clock = parentElement.querySelector(".clock");
  clearTimeout(clock.timer);
  const strike = (times = 0) => {
    if (!clock.isConnected) return;
    const wait = window.errorscopeCalm.until - performance.now();
    if (wait > 0) {
      clock.timer = setTimeout(strike, wait, times);
      return;
    }
    setTriggerValue("strike", `${data.serial}.${times}`);
    clock.timer = setTimeout(strike, PATIENCE, times + 1);
  };
  if (data.seconds) clock.timer = setTimeout(strike, data.seconds * 1000);
  return () => clearTimeout(clock.timer);
}
""",
)


def _nothing_more() -> None:
    """The drawing that follows a strike is all that is wanted."""


def clock(seconds: float | None, *, key: str, on_strike: Callable[[], None] = _nothing_more) -> None:
    """Let the fragment in which this is called be drawn again; call it at each drawing, after the other parts.

    Args:
        seconds: after this drawing has arrived; None stops the clock.
        key: of the clock in this script.
        on_strike: called before it is drawn again.
    """
    _mounted(key=key, data={"seconds": seconds, "serial": next(_serial)}, on_strike_change=on_strike)
