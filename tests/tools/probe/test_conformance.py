from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner

from iss_agents.feed.decode import Update
from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM, items
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.tools.probe.commands import feed_check
from iss_agents.tools.probe.conformance import Finding, compare
from tests.feed.factory import NOW, after, fields, update

SECONDS = 10
NEVER_MEASURED = sorted(items())[-8:]


def sent(item_id: str, at: float, *, snapshot: bool = False, **changes: str | None) -> Update:
    measured = repr(station_hours(after(at) - timedelta(seconds=5.9)))
    values = fields(**({"TimeStamp": measured} | changes))
    return Update(item_id, values, snapshot=snapshot, session=1, arrival=after(at))


def healthy() -> list[Update]:
    """Ten seconds of a feed that is as it is known."""
    snapshot = [sent(item, 0, snapshot=True) for item in items() if item not in NEVER_MEASURED]
    snapshot += [sent(item, 0, snapshot=True, TimeStamp=None) for item in NEVER_MEASURED]
    live = [sent(SIGNAL_ITEM, second) for second in range(SECONDS)]
    return snapshot + live + [sent("S0000004", tenth / 5) for tenth in range(50)]


def differing(updates: list[Update]) -> dict[str, str]:
    return {finding.what: finding.seen for finding in compare(updates, SECONDS) if not finding.agrees}


def test_a_feed_as_it_is_known_agrees_in_every_line() -> None:
    findings = compare(healthy(), SECONDS)

    assert [finding.what for finding in findings if not finding.agrees] == []
    assert findings[1] == Finding("updates/s after the snapshot", "5 to 150", "6.0", agrees=True)
    assert findings[3] == Finding("station's clock behind UTC", "2 to 15 s", "5.9 s", agrees=True)


def without(item_id: str) -> Callable[[list[Update]], list[Update]]:
    return lambda updates: [one for one in updates if one.item_id != item_id]


def each(**changes: str | None) -> Callable[[list[Update]], list[Update]]:
    changed = {name.replace("Status", "Status."): value for name, value in changes.items()}
    return lambda updates: [one._replace(fields=one.fields | changed) for one in updates]


def adding(*more: Update) -> Callable[[list[Update]], list[Update]]:
    return lambda updates: [*updates, *more]


@pytest.mark.parametrize(
    ("change", "what", "seen"),
    [
        (each(StatusClass=None), "fields that carry a value", "TimeStamp, Value"),
        (lambda updates: updates[:-40], "updates/s after the snapshot", "2.0"),
        (adding(*(sent("S0000004", 1) for _ in range(1500))), "updates/s after the snapshot", "156.0"),
        (adding(sent(SIGNAL_ITEM, 9), sent(SIGNAL_ITEM, 9)), f"{SIGNAL_ITEM} a second", "1.20"),
        (
            each(TimeStamp=repr(station_hours(NOW - timedelta(hours=1)))),
            "station's clock behind UTC",
            "3604.0 s",
        ),
        (
            adding(sent("S0000004", 1, snapshot=True)),
            "snapshot of each item",
            "337 items, 1 more than once a session",
        ),
        (without("S0000004"), "items that never answer", "1: S0000004"),
        (without(NEVER_MEASURED[0]), "items without a time stamp", f"7: {', '.join(NEVER_MEASURED[1:4])} ..."),
        (adding(sent("S0000004", 1, StatusClass="25")), "Status.Class", "24, 25"),
        (adding(sent(SIGNAL_ITEM, 9, StatusClass="1")), "signal (24 is AOS)", "1, 24"),
        (adding(sent("S0000004", 1, StatusColor="#ff0000")), "Status.Color", "#ff0000"),
        (adding(sent(TANK_ITEM, 1, Value="37.4")), "urine tank", "37, 37.4"),
        (
            adding(sent("S0000004", 1, Value="")),
            "updates that do not validate",
            "1: Value is '' though there is a TimeStamp; a value is expected",
        ),
    ],
)
def test_what_differs_is_named_with_what_was_seen(
    change: Callable[[list[Update]], list[Update]], what: str, seen: str
) -> None:
    assert differing(change(healthy()))[what] == seen


def test_twice_the_mean_rate_agrees_because_a_short_listening_may_meet_a_peak() -> None:
    busy = healthy() + [sent("S0000004", 1) for _ in range(1400 - 60)]

    assert "updates/s after the snapshot" not in differing(busy)


def test_a_feed_that_sends_almost_nothing_is_compared_too() -> None:
    assert differing([update()])["station's clock behind UTC"] == "no clock"


def test_an_unreachable_feed_is_one_sentence() -> None:
    result = CliRunner().invoke(feed_check, ["--url", "http://127.0.0.1:1", "--seconds", "1"])

    assert (result.stdout, result.stderr) == ("", "Listening to http://127.0.0.1:1 for 1 s.\n")
    assert str(result.exception) == (
        "The feed at http://127.0.0.1:1 is unreachable (connection refused): check the network and the address."
    )
