from datetime import UTC, datetime

import pytest

from iss_agents.errors import UserError
from iss_agents.instants import instant

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-11T10:27:48Z", datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)),
        ("2026-08-11T10:27:48+02:00", datetime(2026, 8, 11, 8, 27, 48, tzinfo=UTC)),
        ("-90s", datetime(2026, 8, 11, 11, 58, 30, tzinfo=UTC)),
        ("-2h", datetime(2026, 8, 11, 10, tzinfo=UTC)),
        ("-7d", datetime(2026, 8, 4, 12, tzinfo=UTC)),
    ],
)
def test_reads_rfc_3339_and_spans_before_now(text: str, expected: datetime) -> None:
    assert instant(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-08-11T10:27:48",
        "2h",
        "-2w",
        "-2",
        "-999999d",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_refuses_what_is_no_time_or_has_no_zone(text: str) -> None:
    with pytest.raises(UserError, match="is no time from 1970 to 2099: write"):
        instant(text, NOW)
