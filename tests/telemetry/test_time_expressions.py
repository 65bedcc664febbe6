from datetime import UTC, datetime

import pytest

from iss_agents.errors import UserError
from iss_agents.telemetry.time_expressions import instant

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-11T10:27:48Z", datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)),
        ("2026-08-11T10:27:48+02:00", datetime(2026, 8, 11, 8, 27, 48, tzinfo=UTC)),
        ("-90s", datetime(2026, 8, 11, 11, 58, 30, tzinfo=UTC)),
        ("-2h", datetime(2026, 8, 11, 10, tzinfo=UTC)),
        ("-7d", datetime(2026, 8, 4, 12, tzinfo=UTC)),
        ("-2w", datetime(2026, 7, 28, 12, tzinfo=UTC)),
        ("-1h30m", datetime(2026, 8, 11, 10, 30, tzinfo=UTC)),
        ("now", NOW),
        ("now-1h", datetime(2026, 8, 11, 11, tzinfo=UTC)),
        ("now-1d12h", datetime(2026, 8, 10, 0, tzinfo=UTC)),
        ("2026-08-01", datetime(2026, 8, 1, tzinfo=UTC)),
        ("1732867200000", datetime(2024, 11, 29, 8, tzinfo=UTC)),
        ("1732867200", datetime(2024, 11, 29, 8, tzinfo=UTC)),
        ("500000000000", datetime(1985, 11, 5, 0, 53, 20, tzinfo=UTC)),
    ],
)
def test_reads_every_form_that_people_and_programs_write(text: str, expected: datetime) -> None:
    assert instant(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-08-11T10:27:48",
        "2h",
        "-2y",
        "-2",
        "-",
        "now-",
        "now+1h",
        "-1h-30m",
        "12",
        "12345678901",
        "17328672000000",
        "\u0661\u0667\u0663\u0662\u0668\u0666\u0667\u0662\u0660\u0660",
        "2026-13-01",
        "20260801",
        "-999999d",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_refuses_what_is_no_time_or_has_no_zone(text: str) -> None:
    with pytest.raises(UserError, match="is not a time from 1970 to 2099: write"):
        instant(text, NOW)
