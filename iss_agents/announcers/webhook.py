"""Posts JSON to an address of the operator's: Discord, Home Assistant, ntfy, or a program of one's own."""

from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession, InvalidURL

from iss_agents.announcers.announcer import Posted, Refused, TryAgain
from iss_agents.detection.events import Urination

TITLE = "ISS urine tank"
HEADERS = {"Content-Type": "application/json"}

REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""A secret that is wrong or a webhook that was deleted (Discord answers 404): a person has to mend it."""


class Webhook:
    """Posts one JSON object that several receivers understand, each by the field that it knows.

        {"content": text, "message": text, "title": "ISS urine tank", "event": {the event's record}}

    Discord shows `content`. Home Assistant has `trigger.json.message` and `trigger.json.event.level_after`.
    ntfy shows what the address asks for: `https://ntfy.sh/TOPIC?tpl=1&title={{.title}}&message={{.message}}`.
    After a crash a text may come twice: `event.event_id` tells.
    """

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url

    async def post(self, text: str, event: Urination) -> Posted:
        """Post the object. No error names the address, which is a secret in itself.

        Raises:
            Refused: 401, 403, 404, 410, or an address that is none.
            TryAgain: any other answer but 2xx, or none.
        """
        body = {"content": text, "message": text, "title": TITLE, "event": event}
        try:
            async with (
                ClientSession(headers=HEADERS) as session,
                session.post(self._url, data=msgspec.json.encode(body), allow_redirects=False) as answer,
            ):
                return _judge(answer.status, answer.headers.get("Retry-After", ""))
        except InvalidURL:
            raise Refused("the address is not a URL") from None
        except ClientError as error:
            raise TryAgain(type(error).__name__) from None


def _judge(status: int, retry_after: str) -> Posted:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Posted()
    if status in REFUSALS:
        raise Refused(f"{status} {HTTPStatus(status).phrase}")
    raise TryAgain(f"status {status}", after=float(retry_after) if retry_after.isdecimal() else None)
