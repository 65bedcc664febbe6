"""Whom the settings name to be told."""

from datetime import timedelta

from iss_agents.announcers.announcer import Announcer
from iss_agents.announcers.resting import Resting
from iss_agents.announcers.webhook import Webhook
from iss_agents.announcers.x import Keys, X
from iss_agents.health import Health
from iss_agents.settings import Settings


def chosen(settings: Settings, health: Health) -> list[Announcer]:
    """Return the announcers of the settings; with none every announcement is a dry run."""
    named: list[Announcer] = []
    if keys := settings.x_keys:
        named.append(X(Keys(*keys), settings.x_url))
    if settings.webhook_url:
        named.append(Webhook(settings.webhook_url.get_secret_value()))
    pause = timedelta(seconds=settings.x_retry_after)
    return [Resting(announcer, pause, health) for announcer in named]
