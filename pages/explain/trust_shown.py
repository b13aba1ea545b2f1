"""The maps that the trust panel is about, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.trust import TrustSpec
from models.jobs import JobStatus
from pages.explain.running import View
from pages.shared import state

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, OptionValue
    from analysis.trust_results import Trust


@dataclass(frozen=True)
class Shown:
    """The maps on the page.

    Args:
        view: what they explain.
        found: the finished maps by method, in the page's order.
    """

    view: View
    found: Mapping[str, Attribution]

    @property
    def options(self) -> dict[str, dict[str, OptionValue]]:
        """The settings the maps were made with, by method."""
        return {key: dict(each.options) for key, each in self.found.items()}

    @property
    def labels(self) -> dict[str, str]:
        """What a person calls each method."""
        from analysis.attribution import METHODS

        return {key: METHODS[key].label for key in self.found}

    def spec(self, check: str) -> TrustSpec:
        """The job that makes a check of all maps."""
        view = self.view
        return TrustSpec(
            view.workspace.spec,
            view.workspace.fingerprint,
            str(view.chosen.path),
            view.asked.plain,
            self.options,
            (check,),
        )

    def trust(self) -> Trust:
        """What is measured already."""
        from analysis.trust_results import Question, saved_trust

        view = self.view
        question = Question(state.store(), view.network.fingerprint, view.chosen.key, view.asked.target)
        return saved_trust(question, self.options)

    def latest_job(self, check: str) -> JobStatus | None:
        """The newest job that made, or makes, this check of maps of this picture: found again after a reload.

        It may be about fewer maps: another may have been finished or chosen since it was started.
        """
        return state.running_jobs().newest_like("trust", self.spec(check).to_json(), but="methods")
