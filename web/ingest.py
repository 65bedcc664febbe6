"""A door for test readings: they take the way of every other reading, marked with source `test`."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from aiohttp.web import Request, RequestPayloadError
from faust.web import Blueprint, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from iss_agents import metrics
from iss_agents.feed.outgoing import outgoing_reading
from iss_agents.records import Reading, new_reading
from iss_agents.station_clock import MAX_AHEAD, from_milliseconds, milliseconds
from web.credentials import brings
from web.parameters import ItemId, NoParameters, read_query, validated
from web.problems import Problem, too_many
from web.view import PartsView, parts_of, present

blueprint = Blueprint("ingest")

BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
RETRY_SECONDS = 5

FIRST_MODULE = datetime(1998, 11, 20, tzinfo=UTC)
"""Launch of Zarya: nothing of the station was measured before."""


def _plausible(source_ts: datetime) -> datetime:
    if not FIRST_MODULE <= source_ts <= datetime.now(UTC) + MAX_AHEAD:
        expected = "a time since the station's first launch, 1998-11-20, and at most 5 minutes ahead of now"
        raise PydanticCustomError("source_ts", expected)
    return from_milliseconds(milliseconds(source_ts))


Text = Annotated[str, Field(max_length=256)]
SourceTime = Annotated[AwareDatetime, AfterValidator(_plausible)]


class Measurement(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    item_id: ItemId
    """An item of the catalogue."""
    value: Annotated[Text, Field(min_length=1, examples=["37"])]
    """What was measured, as the feed would send it."""
    source_ts: SourceTime | None = None
    """When it was measured: since the station's first launch, at most 5 minutes ahead; now if left out."""
    status_class: Text | None = None
    """The feed's Status.Class; 24 is good."""
    status_indicator: Text | None = None
    """The feed's Status.Indicator."""
    status_color: Text | None = None
    """The feed's Status.Color."""
    calibrated_data: Text | None = None
    """The feed's CalibratedData."""


class IngestReply(TypedDict):
    """A reading that was taken in."""

    event_id: str
    """The id that the reading has everywhere."""
    status: Literal["enqueued"]
    """It waits for Kafka, on disk while Kafka is away."""


@blueprint.route("/api/v1/ingest/test", name="test")
class IngestTestView(PartsView):
    """Takes one measurement and hands it to the publisher.

    The reading goes the way of all others, marked with source `test`; nothing of it is ever posted.
    """

    body: ClassVar[type[BaseModel]] = Measurement
    reply: ClassVar[Any] = IngestReply
    status: ClassVar[HTTPStatus] = HTTPStatus.CREATED
    problems: ClassVar[frozenset[HTTPStatus]] = frozenset(
        {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        }
    )

    async def post(self, request: Request) -> Response:
        read_query(NoParameters, request)
        parts = parts_of(request)
        _authorize(request, parts.settings.ingest_token)
        publisher = present(parts.publisher, "feed")
        if publisher.above_high_water:
            raise too_many("Too many readings wait for Kafka; try again later", retry_after=RETRY_SECONDS)
        body = await _body(request)
        reading = _reading(validated(Measurement, lambda: Measurement.model_validate_json(body)))
        publisher.offer([outgoing_reading(reading)])
        metrics.FEED_RECEIVED.labels("test").inc()
        reply: IngestReply = {"event_id": reading.event_id, "status": "enqueued"}
        return self.answer(reply, self.status)


def _authorize(request: Request, token: SecretStr | None) -> None:
    if not (token and token.get_secret_value()):
        raise Problem(HTTPStatus.FORBIDDEN, "Test readings are off: ISS_INGEST_TOKEN is not set on this worker")
    if not brings(request, token):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "The header Authorization must be: Bearer, a space, and the token of ISS_INGEST_TOKEN",
            headers={"WWW-Authenticate": 'Bearer realm="iss-agents"'},
        )


async def _body(request: Request) -> bytes:
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body is {request.content_type}; application/json is expected",
        )
    if (request.content_length or 0) > BODY_BYTES:
        raise _too_large()
    try:
        return await asyncio.wait_for(_read_limited(request), BODY_SECONDS)
    except TimeoutError as error:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {BODY_SECONDS:.0f} s"
        ) from error
    except RequestPayloadError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not encoded as its headers say") from error


async def _read_limited(request: Request) -> bytes:
    # Read in pieces: a body without a length, or one that unpacks to more, must not fill the memory.
    body = bytearray()
    async for piece in request.content.iter_chunked(BODY_BYTES):
        body += piece
        if len(body) > BODY_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {BODY_BYTES} bytes", limit=BODY_BYTES
    )


def _reading(measurement: Measurement) -> Reading:
    now = datetime.now(UTC)
    return new_reading(
        measurement.item_id,
        measurement.source_ts or from_milliseconds(milliseconds(now)),
        measurement.value,
        ingest_ts=now,
        source="test",
        status_class=measurement.status_class,
        status_indicator=measurement.status_indicator,
        status_color=measurement.status_color,
        calibrated_data=measurement.calibrated_data,
    )
