"""Slow work on a page that a click need not wait for.

A click within a fragment does not end a drawing by itself: Streamlit begins the fragment anew only when the drawing
under way has come to its end. So an image that was closed while the first network was loaded and explained (many
seconds) stayed open for the page, in the URL and with the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import NoReturn, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

T = TypeVar("T")
SECONDS_BETWEEN_LOOKS = 0.1


def interruptible(function: Callable[[], T]) -> T:
    """What ``function`` returns, or raises; a click meanwhile ends this drawing at once.

    Args:
        function: may take long. It draws nothing, and comes to its end even where nobody waits for it any more.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    Thread(target=work, daemon=True, name="interruptible").start()
    place = st.empty()
    while True:
        try:
            return future.result(SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            if future.done():
                raise  # it is of the function itself
            place.empty()  # here a click on the whole page is noticed
            give_way()


def give_way() -> None:
    """End this drawing if a click waits for the fragment it is in; call it now and then in slow work.

    Only from parts after which the page draws nothing: what the click asks for draws the fragment alone.
    """
    if _is_asked_anew():
        end_drawing()


def end_drawing() -> NoReturn:
    """Draw nothing more; unlike `st.stop`, which forgets a click that waits meanwhile."""
    forget_what_was_left()
    raise StopException


def forget_what_was_left() -> None:
    """Let a clock that struck on the page before draw nothing over this one; call it when all is drawn.

    Streamlit draws the fragment such a strike asked for: over the new page, where the old one had it, which ends
    the app in the browser. Where it knows the fragment no more, it still tells the browser of the old page, and
    the browser empties the new one.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or context.fragment_ids_this_run:
        return
    context.fragment_storage.clear(new_fragment_ids=context.shared.new_fragment_ids.snapshot())
    requests = context.script_requests
    if requests is None:
        return
    # Streamlit has no call for this; what waits is changed here and nowhere else.
    with requests._lock:
        asked = requests._rerun_data.fragment_id_queue
        is_waiting = requests._state is ScriptRequestType.RERUN and asked
        if is_waiting and not any(map(context.fragment_storage.contains, asked)):
            requests._state = ScriptRequestType.CONTINUE


def _is_asked_anew() -> bool:
    """Whether the fragment that is drawn, or one around it, waits to be drawn again."""
    # Streamlit tells no script what waits; what its own yield points look at is read in this module only.
    context = get_script_run_ctx(suppress_warning=True)
    requests = context.script_requests if context else None
    fragment = ThreadState.get().fragment_id if context else None
    if context is None or requests is None or fragment is None:
        return False
    if requests._state is not ScriptRequestType.RERUN:
        return False
    asked = set(requests._rerun_data.fragment_id_queue)
    return fragment in asked or context.fragment_storage.has_ancestor_in(fragment, asked)
