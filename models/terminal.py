"""What the command lines have in common: how they end, and how they say what is wrong.

Exit status 0: done; 1: a bug, with its traceback; 2: something that was asked for cannot be, in one sentence on
stderr; 130: stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from models.errors import ErrorscopeError

DONE, BAD_INPUT, STOPPED = 0, 2, 130


def said(sentence: str, status: int) -> int:
    """Say why it ends.

    Args:
        sentence: what is wrong, or was stopped.
        status: the exit status.

    Returns:
        ``status``.
    """
    sys.stderr.write(f"{sentence}\n")
    return status


def one_sentence(error: ErrorscopeError) -> str:
    """What is wrong and what to do, in one line.

    >>> one_sentence(ErrorscopeError("It is broken.", next_step="Mend it."))
    'It is broken; mend it.'
    """
    parts = [" ".join(text.split()).rstrip(".") for text in (error.message, error.next_step) if text]
    return "; ".join(parts[:1] + [part[0].lower() + part[1:] for part in parts[1:]]) + "."


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence, without repeating all options."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        sentence = message[:1].upper() + message[1:].rstrip(".")
        raise ErrorscopeError(f"{sentence}.", next_step=f"See {self.prog} --help.")
