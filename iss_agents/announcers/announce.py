"""Decides on each event and tells the world."""

import asyncio
import logging
from collections.abc import Sequence

from iss_agents import metrics
from iss_agents.announcers.announcer import Announcer
from iss_agents.announcers.attempts import Pace, persist
from iss_agents.announcers.decision import Announcement, Attempted, Cooldown, Decision, Outcome, decide
from iss_agents.announcers.dry_run import DryRun
from iss_agents.announcers.texts.text import text_for
from iss_agents.catalog import TANK_ITEM
from iss_agents.detection.events import Urination
from iss_agents.health import Health
from iss_agents.records import SCHEMA_VERSION

logger = logging.getLogger(__name__)

PART = "announcer"
"""The health part that says how the last announcement went."""

BEST_FIRST: tuple[Attempted, ...] = ("posted", "dry_run", "failed", "refused")

NOBODY = (DryRun(),)


class Herald:
    """Decides on events and tells those that are news. Without announcers every event is a dry run."""

    def __init__(self, announcers: Sequence[Announcer], health: Health, pace: Pace | None = None) -> None:
        self._announcers = announcers or NOBODY
        self._health = health
        self._pace = pace or Pace()

    async def announce(self, event: Urination, cooldown: Cooldown | None) -> Decision | None:
        """Return the decision on an event after all is done for it, None if it was decided on before.

        It takes until the event is `MAX_AGE` old, and one attempt more, at the longest: one announcer does not
        wait for another, but the next event waits for this one.
        """
        verdict = decide(event, cooldown, self._pace.clock())
        if verdict == "repeated":
            return None
        text = text_for(event)
        if verdict != "post":
            return self._decided(event, verdict, text)
        announcements = await self._tell(text, event)
        outcomes = {announcement.outcome for announcement in announcements}
        best = next(outcome for outcome in BEST_FIRST if outcome in outcomes)
        return self._decided(event, best, text, announcements)

    async def _tell(self, text: str, event: Urination) -> tuple[Announcement, ...]:
        # Only what the station itself sent is told: simulated and injected events never are.
        announcers = self._announcers if event.source == "isslive" else NOBODY
        attempts = (persist(announcer, text, event, self._pace) for announcer in announcers)
        announcements = tuple(await asyncio.gather(*attempts))
        for announcement in announcements:
            metrics.ANNOUNCEMENTS.labels(announcement.announcer, announcement.outcome).inc()
            metrics.POST_ATTEMPTS.labels(announcement.announcer).inc(announcement.attempts)
        if announcers is not NOBODY:
            self._say_health(announcements)
        return announcements

    def _say_health(self, announcements: Sequence[Announcement]) -> None:
        if troubles := _troubles(announcements):
            self._health.bad(PART, troubles)
        else:
            self._health.good(PART, "the last event was posted")

    def _decided(
        self, event: Urination, outcome: Outcome, text: str, announcements: tuple[Announcement, ...] = ()
    ) -> Decision:
        now = self._pace.clock()
        metrics.DECISIONS.labels(outcome).inc()
        if outcome == "posted":
            # Station time may be ahead of ours, and a sum that falls looks like a restart to Prometheus.
            metrics.DETECTION_TO_POST.observe(max(0.0, (now - event.detected_at).total_seconds()))
        words = " ".join(text.split())
        about = {"event_id": event.event_id, "item": TANK_ITEM, "decision": outcome}
        logger.info("event %s %s: %s", event.event_id, _troubles(announcements) or outcome, words, extra=about)
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


def _troubles(announcements: Sequence[Announcement]) -> str:
    """Return what went wrong at which announcer, nothing if all went well."""
    return "; ".join(f"{each.announcer} {each.outcome}: {each.error}" for each in announcements if each.error)
