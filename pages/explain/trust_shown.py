"""The maps that the trust panel is about, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.trust import TrustSpec
from models.fingerprints import content_key
from models.jobs import JobStatus
from pages.shared import state
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, OptionValue, Target
    from analysis.trust_results import Trust
    from models.network import Network


@dataclass(frozen=True)
class Shown:
    """The maps on the page.

    Args:
        workspace: the model and images that are open.
        network: the network that was explained.
        path: the picture's file.
        target: what was explained.
        found: the finished maps by method, in the page's order.
        options: the settings they were made with, by method.
    """

    workspace: Workspace
    network: Network
    path: Path
    target: Target
    found: Mapping[str, Attribution]
    options: Mapping[str, Mapping[str, OptionValue]]

    @property
    def labels(self) -> dict[str, str]:
        """What a person calls each method."""
        from analysis.attribution import METHODS

        return {key: METHODS[key].label for key in self.found}

    def spec(self, check: str) -> TrustSpec:
        """The job that makes a check of all maps."""
        from analysis.attribution import Contrast

        target = self.target
        return TrustSpec(
            self.workspace.spec,
            self.workspace.fingerprint,
            str(self.path),
            (int(target.a), int(target.b)) if isinstance(target, Contrast) else int(target),
            self.options,
            (check,),
        )

    def trust(self) -> Trust:
        """What is measured already."""
        from analysis.trust_results import Question, saved_trust

        question = Question(state.store(), self.network.fingerprint, content_key(self.path), self.target)
        return saved_trust(question, self.options)

    def latest_job(self, check: str) -> JobStatus | None:
        """The newest job that made, or makes, this check of maps of this picture: found again after a reload.

        It may be about fewer maps: another may have been finished or chosen since it was started.
        """
        return state.running_jobs().newest_like("trust", self.spec(check).to_json(), but="methods")
