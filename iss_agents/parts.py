"""What a worker is made of, so that its views can ask its parts. Which exist follows from its roles."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iss_agents.health import Health

if TYPE_CHECKING:
    from iss_agents.archive.queries import History
    from iss_agents.feed.publisher import Publisher
    from iss_agents.feed.service import Feed
    from iss_agents.settings import Settings
    from web.state import StateView


@dataclass
class Parts:
    """The running parts of one worker."""

    settings: "Settings"
    health: Health = field(default_factory=Health)
    feed: "Feed | None" = None
    publisher: "Publisher | None" = None
    state: "StateView | None" = None
    history: "History | None" = None
