"""Ingest of test readings: they are processed like any other reading, with source `test`."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.runtime import metrics
from iss_agents.telemetry.records import Reading, new_reading
from iss_agents.telemetry.station_clock import MAX_AHEAD, from_milliseconds, milliseconds
from web.base.parameters import ItemId, NoParameters, read_query, validated
from web.base.problems import Problem, too_many
from web.base.view import WorkerView, context_of, present
from web.edge.auth import brings
from web.edge.bodies import read_body

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
    """An accepted reading."""

    event_id: str
    """The id of the reading."""
    status: Literal["enqueued"]
    """It is queued for Kafka, on disk while Kafka is unreachable."""


@blueprint.route("/api/v1/ingest/test", name="test")
class IngestTestView(WorkerView):
    """Accepts one measurement and passes it to the publisher.

    The reading is processed like any other, with source `test`; it never causes a post.
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
        context = context_of(request)
        _authorize(request, context.settings.ingest_token)
        publisher = present(context.publisher, "feed")
        if publisher.above_high_water:
            raise too_many("Too many readings wait for Kafka; try again later", retry_after=RETRY_SECONDS)
        body = await read_body(request, "application/json", BODY_BYTES, BODY_SECONDS)
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
