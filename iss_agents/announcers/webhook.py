"""Webhook announcer: posts JSON to an address of the operator, such as Discord, Home Assistant or ntfy."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession

from iss_agents.announcers.announcer import Clock, Posted, RefusedError, RetryableError, utc_now
from iss_agents.announcers.answer_headers import seconds_to_wait
from iss_agents.detection.events import Urination

TITLE = "ISS urine tank"
HEADERS = {"Content-Type": "application/json"}

REJECTED_STATUSES = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
)
"""The secret is wrong or the webhook was deleted (Discord answers 404): a person has to correct it."""


class Webhook:
    """Posts one JSON object that several receivers understand, each by its own field.

        {"content": text, "message": text, "title": "ISS urine tank", "event": {the event's record}}

    Discord shows `content`. Home Assistant has `trigger.json.message` and `trigger.json.event.level_after`.
    ntfy shows what the address asks for: `https://ntfy.sh/TOPIC?tpl=1&title={{.title}}&message={{.message}}`.
    After a crash a text may be posted twice: `event.event_id` identifies the duplicate.
    """

    name = "webhook"

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self._url = url
        self._clock = clock

    async def post(self, text: str, event: Urination) -> Posted:
        """Post the object. Errors do not contain the address, which is a secret.

        Raises:
            RefusedError: 401, 403, 404, 410.
            RetryableError: any other answer except 2xx, or no answer.
        """
        body = {"content": text, "message": text, "title": TITLE, "event": event}
        try:
            async with (
                ClientSession(headers=HEADERS, trust_env=True) as session,
                session.post(self._url, data=msgspec.json.encode(body), allow_redirects=False) as answer,
            ):
                return _posted_or_error(answer.status, answer.headers, self._clock())
        except ClientError as error:
            raise RetryableError(type(error).__name__) from None


def _posted_or_error(status: int, headers: Mapping[str, str], now: datetime) -> Posted:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Posted()
    if status in REJECTED_STATUSES:
        raise RefusedError(f"{status} {HTTPStatus(status).phrase}")
    raise RetryableError(f"status {status}", after=seconds_to_wait(headers, now))
