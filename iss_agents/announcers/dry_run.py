"""Tells nobody: what is used without keys, and for events that did not come from the station."""

from iss_agents.announcers.announcer import Posted
from iss_agents.detection.events import Urination


class DryRun:
    """An announcer for which deciding is enough."""

    name = "dry run"

    async def post(self, text: str, event: Urination) -> Posted:  # noqa: ARG002 - the interface
        """Post nothing."""
        return Posted(outcome="dry_run")
