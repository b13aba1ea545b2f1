"""What the pages about the network as a whole keep between reruns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared import cached, state
from pages.shared.interruptible import interruptible
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from analysis.layers.layer_times import LayerTimes
    from analysis.layers.module_tree import ModuleTree
    from models.backbones import Backbone


def tree(workspace: Workspace) -> ModuleTree:
    """The modules of the open network.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, or the network does not take its own input size.
    """
    network = cached.network(workspace.spec, workspace.fingerprint)
    return _tree(workspace.fingerprint, network)


@st.cache_resource(max_entries=4, show_spinner="Following one image through the network…")
def _tree(fingerprint: str, _network: Any) -> ModuleTree:
    def followed() -> ModuleTree:
        # Imported here: torch takes seconds.
        from analysis.layers.module_tree import module_tree

        return module_tree(_network, _network.preprocessing.usual_size())

    return interruptible(followed)


def times(workspace: Workspace) -> LayerTimes | None:
    """How long the open network's modules take; None where that was not measured."""
    from analysis.layers.layer_times import saved_times

    return saved_times(state.store(), workspace.fingerprint)


@st.cache_resource(show_spinner="Reading torchvision's figures…")
def backbones() -> dict[str, Backbone]:
    """Torchvision's classifiers, by name."""

    def read() -> dict[str, Backbone]:
        # Imported here: torchvision takes seconds.
        from models.backbones import backbones

        return backbones()

    return interruptible(read)
