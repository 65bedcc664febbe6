"""Worker context: the components of a worker, for its views. Which exist depends on its roles."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iss_agents.runtime.health import Health

if TYPE_CHECKING:
    from iss_agents.archive.queries.history import History
    from iss_agents.config.settings import Settings
    from iss_agents.feed.publisher import Publisher
    from iss_agents.feed.service import Feed
    from iss_agents.state_view.service import StateView
    from iss_agents.telemetry.records import Source


@dataclass
class WorkerContext:
    """The running components of one worker."""

    settings: "Settings"
    health: Health = field(default_factory=Health)
    feed: "Feed | None" = None
    publisher: "Publisher | None" = None
    state: "StateView | None" = None
    history: "History | None" = None

    def source(self, asked: "Source | None") -> "Source":
        """Return the source that was asked for, that of the feed if none was."""
        return asked or self.settings.feed_source
