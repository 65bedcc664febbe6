"""Notification dispatcher: decides on each event, and posts it with every announcer."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from iss_agents.announcers.announcer import Announcer, DryRun
from iss_agents.announcers.circuit import BreakerAnnouncer
from iss_agents.announcers.decision import Announcement, Attempted, Cooldown, Decision, Outcome, decide
from iss_agents.announcers.retry import RetryTiming, post_with_retry
from iss_agents.announcers.texts.text import text_for
from iss_agents.announcers.webhook import Webhook
from iss_agents.config.settings import Settings
from iss_agents.detection.events import Urination
from iss_agents.runtime import metrics
from iss_agents.runtime.health import Health
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import SCHEMA_VERSION
from iss_agents.telemetry.series import TEST

logger = logging.getLogger(__name__)

PART = "announcer"
"""The health part that reports the result of the last announcement."""

BEST_FIRST: tuple[Attempted, ...] = ("posted", "dry_run", "failed", "refused")

NOBODY = (DryRun(),)


class Dispatcher:
    """Decides on events and posts those that are news. Without announcers every event is a dry run."""

    def __init__(
        self, announcers: Sequence[Announcer], health: Health, timing: RetryTiming | None = None
    ) -> None:
        self._announcers = announcers or NOBODY
        self._health = health
        self._timing = timing or RetryTiming()

    async def announce(self, event: Urination, cooldown: Cooldown | None) -> Decision | None:
        """Return the decision on an event after it has been carried out, None if there was one before.

        This takes at most until the event is `MAX_AGE` old, plus one attempt: announcers do not wait for each
        other, but the next event waits for this one.
        """
        verdict = decide(event, cooldown, self._timing.clock())
        if verdict == "repeated":
            return None
        text = text_for(event)
        if verdict != "post":
            return self._decided(event, verdict, text)
        announcements = await self._post_to_all(text, event)
        outcomes = {announcement.outcome for announcement in announcements}
        best = next(outcome for outcome in BEST_FIRST if outcome in outcomes)
        return self._decided(event, best, text, announcements)

    async def _post_to_all(self, text: str, event: Urination) -> tuple[Announcement, ...]:
        # Only events from the station itself are posted, never simulated or injected ones.
        announcers = self._announcers if event.source == "isslive" else NOBODY
        attempts = (post_with_retry(announcer, text, event, self._timing) for announcer in announcers)
        announcements = tuple(await asyncio.gather(*attempts))
        for announcement in announcements if event.source != TEST else ():
            metrics.ANNOUNCEMENTS.labels(announcement.announcer, announcement.outcome).inc()
            metrics.POST_ATTEMPTS.labels(announcement.announcer).inc(announcement.attempts)
        if announcers is not NOBODY:
            self._report_health(announcements)
        return announcements

    def _report_health(self, announcements: Sequence[Announcement]) -> None:
        if errors := _errors(announcements):
            self._health.down(PART, errors)
        else:
            self._health.up(PART, "the last event was posted")

    def _decided(
        self, event: Urination, outcome: Outcome, text: str, announcements: tuple[Announcement, ...] = ()
    ) -> Decision:
        now = self._timing.clock()
        if event.source != TEST:
            metrics.DECISIONS.labels(outcome).inc()
        if outcome == "posted":
            # Station time may be ahead of ours, and to Prometheus a decreasing sum looks like a restart.
            metrics.DETECTION_TO_POST.observe(max(0.0, (now - event.detected_at).total_seconds()))
        words = " ".join(text.split())
        about = {"event_id": event.event_id, "item": TANK_ITEM, "decision": outcome}
        logger.info("event %s %s: %s", event.event_id, _errors(announcements) or outcome, words, extra=about)
        return Decision(
            schema_version=SCHEMA_VERSION,
            event_id=event.event_id,
            decision=outcome,
            decided_at=now,
            detected_at=event.detected_at,
            text=text,
            source=event.source,
            announcements=announcements,
            reading_ids=event.reading_ids,
        )


def _errors(announcements: Sequence[Announcement]) -> str:
    """Return the errors by announcer, an empty text if there are none."""
    return "; ".join(f"{each.announcer} {each.outcome}: {each.error}" for each in announcements if each.error)


def announcers_from(settings: Settings, health: Health) -> list[Announcer]:
    """Return the announcers of the settings; without any every announcement is a dry run."""
    named: list[Announcer] = []
    if keys := settings.x_keys:
        # Most workers have none, and tweepy takes 8 MB.
        from iss_agents.announcers.x import Keys, X  # noqa: PLC0415

        named.append(X(Keys(*keys), settings.x_url))
    if settings.webhook_url:
        named.append(Webhook(settings.webhook_url.get_secret_value()))
    pause = timedelta(seconds=settings.x_retry_after)
    return [BreakerAnnouncer(announcer, pause, health) for announcer in named]
