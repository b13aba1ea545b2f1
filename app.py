"""Errorscope: navigation, what is open, and the one place where errors become messages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

import streamlit as st

from models.errors import ErrorscopeError
from models.evaluation import EvaluationSpec
from models.images import open_image_set, preferred_split
from models.prediction_selection import table_splits
from pages.explain.watched_jobs import leave_jobs
from pages.shared import sample, sidebar, state
from pages.shared.addressed import forget_unwritten
from pages.shared.interruptible import forget_what_was_left
from pages.shared.job_button import forget_pressed
from pages.shared.navigation import navigation

PAGES_FOLDER = Path(__file__).parent / "pages" / "shared"


class LaunchParser(argparse.ArgumentParser):
    """Says what is wrong on the page: the script runs in a thread that cannot exit."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise ErrorscopeError(
            f"The command line after “--” cannot be read: {message}.",
            next_step="See streamlit run app.py -- --help.",
        )


def launch_arguments() -> argparse.Namespace:
    """What stands after ``--`` in ``streamlit run app.py -- --model FILE --images FOLDER``.

    Or in ``-- --predictions FILE [--images FOLDER]``.
    """
    parser = LaunchParser(prog="streamlit run app.py --", allow_abbrev=False, add_help=False)
    parser.add_argument("--model", help="a trained checkpoint (.pth, .safetensors, ...)")
    parser.add_argument(
        "--predictions", help="a table of predictions made elsewhere, instead of a checkpoint"
    )
    parser.add_argument(
        "--images",
        help="a folder of class folders, or a table of paths and labels; with --predictions the folder that "
        "its paths are relative to",
    )
    parser.add_argument("--classes", help="a file of class names, in the order of the network's outputs")
    parser.add_argument("--groups", help="a file that gives each class its group")
    parser.add_argument("--architecture", help="torchvision's name, where several fit")
    parser.add_argument("--split", help="only this split of the images; by default validation, else test")
    parser.add_argument("--trust-code", action="store_true", help="run a TorchScript or torch.export program")
    return parser.parse_args(sys.argv[1:])


@st.cache_data(max_entries=4, show_spinner="Listing the images…")
def launch_split(images: str) -> str | None:
    """The split that is judged unless the command line names one; found once a server, not once a session."""
    return preferred_split(open_image_set(images).splits)


@st.cache_data(max_entries=4, show_spinner="Reading the table…")
def launch_table_split(predictions: str) -> str | None:
    """The same of a table of predictions."""
    return preferred_split(table_splits(Path(predictions)))


def launch_spec() -> EvaluationSpec:
    """What the command line asks for, else the sample.

    Raises:
        ErrorscopeError: only half of it is said, or the images cannot be opened.
    """
    arguments = launch_arguments()
    if arguments.predictions:
        return predictions_spec(arguments)
    if not arguments.model and not arguments.images:
        return sample.sample_spec()
    if not (arguments.model and arguments.images):
        given, missing = ("--model", "--images") if arguments.model else ("--images", "--model")
        raise ErrorscopeError(
            f"The command line gives {given} and no {missing}.",
            next_step=f"Give {missing} too, or choose it here.",
        )
    return EvaluationSpec(
        checkpoint=arguments.model,
        images=arguments.images,
        class_names=arguments.classes,
        groups=arguments.groups,
        architecture=arguments.architecture,
        split=arguments.split or launch_split(arguments.images),
        trust_code=arguments.trust_code,
    )


def predictions_spec(arguments: argparse.Namespace) -> EvaluationSpec:
    """What a command line with ``--predictions`` asks for.

    Raises:
        ErrorscopeError: there is a model too, or the table cannot be read.
    """
    if arguments.model:
        raise ErrorscopeError(
            "The command line gives both --model and --predictions.",
            next_step="Give the checkpoint, or the predictions it made.",
        )
    return EvaluationSpec.of_predictions(
        arguments.predictions,
        arguments.images or None,
        class_names=arguments.classes,
        groups=arguments.groups,
        split=arguments.split or launch_table_split(arguments.predictions),
    )


def start_session() -> None:
    """Open what the URL names, else what the command line names, once per session."""
    if "started" in st.session_state:
        return
    st.session_state["started"] = True
    model, images = st.query_params.get("model"), st.query_params.get("images")
    launched = launch_spec()
    known = state.known_spec(model, images, launched) if model and images else launched
    if known is not None:
        state.open_model(known)
    else:
        # A link must not make the server read new files by itself: the person confirms it.
        st.session_state["asked"] = {"model": model, "images": images}


def leave_other_pages(shown: str) -> None:
    """See to it that what was asked on a page that is not shown any more neither goes on nor begins later.

    Args:
        shown: the path of the shown page's address.
    """
    forget_unwritten()
    if shown != "explain":
        leave_jobs()
    st.session_state["shown_page"] = shown
    forget_pressed(but=shown)


def main() -> None:
    """Draw the sidebar and the page that was asked for."""
    st.set_page_config(page_title="Errorscope", page_icon=PAGES_FOLDER / "favicon.png", layout="wide")
    st.html(PAGES_FOLDER / "app.css")
    st.logo(PAGES_FOLDER / "logo.svg", size="large")
    page = st.navigation(navigation(), expanded=True)
    try:
        leave_other_pages(page.url_path)
        start_session()
        spec = state.open_spec()
        if spec is not None:
            # Going from page to page empties the URL.
            state.write_url(spec)
        sidebar.sidebar()
        if "asked" in st.session_state and page.url_path != "open":
            st.switch_page(state.SETUP_PAGE)
        page.run()
    except ErrorscopeError as error:
        state.explain(error)
        st.page_link(state.SETUP_PAGE, label="Open a model and images", icon=":material/folder_open:")
    except Exception:
        # no drawing that a click cuts short ends here: Streamlit's own signals are no Exception
        forget_pressed()
        raise
    forget_pressed()
    forget_what_was_left()


main()
