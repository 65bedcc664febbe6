"""Files of readings in a spreadsheet, and what a program reads back from them."""

import csv
import io
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.telemetry.export_rows import COLUMNS, Table, csv_header, csv_lines, json_lines

RUN = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes a cell that begins with it for: a formula."""

TEXTS = st.one_of(
    st.text(max_size=20),
    st.tuples(st.sampled_from([*RUN, "'", "''="]), st.text(max_size=5)).map("".join),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
)


def table(values: Sequence[object]) -> Table:
    """Return rows that have nothing but these values."""
    return Table.of(len(values), {"value": values})


def cells(values: Sequence[object]) -> list[str]:
    """Return the cells of the column `value` as a program reads them."""
    text = csv_header() + csv_lines(table(values))
    return [each["value"] for each in csv.DictReader(io.StringIO(text, newline=""))]


def as_the_standard_library_writes(text: str) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(csv.reader(io.StringIO(text, newline="")))
    return written.getvalue()


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=10))
def test_a_spreadsheet_runs_no_cell_and_a_program_gets_every_text_back(values: list[str]) -> None:
    written = cells(values)
    lines = csv_lines(table(values))

    assert [cell for cell in written if cell[:1] in set(RUN) and not is_number(cell)] == []
    assert [cell.removeprefix("'") for cell in written] == values
    assert as_the_standard_library_writes(lines) == lines


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("37.5", "37.5"),
        ("-12.5", "-12.5"),
        ("+1e-7", "+1e-7"),
        ("-.5", "-.5"),
        ("", ""),
        ("NORMAL", "NORMAL"),
        ("a=1", "a=1"),
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("@SUM(1+1)", "'@SUM(1+1)"),
        ("\t=1+1", "'\t=1+1"),
        ("-1+1", "'-1+1"),
        ("-\u0663", "'-\u0663"),
        ("-inf", "'-inf"),
        ("'37", "''37"),
    ],
)
def test_numbers_stay_and_formulas_become_text(value: str, cell: str) -> None:
    assert cells([value]) == [cell]


def test_every_column_of_text_is_written_so() -> None:
    line = csv_lines(Table(1, [["=1+1"]] * len(COLUMNS)))

    assert next(csv.reader([line])) == ["'=1+1"] * len(COLUMNS)


def test_numbers_and_answers_are_no_text() -> None:
    assert cells([-5.25, True, None, 0]) == ["-5.25", "true", "", "0"]


def test_json_has_every_text_as_it_is() -> None:
    document = msgspec.json.decode(json_lines(table(["=1+1"])))

    assert document == dict.fromkeys(COLUMNS) | {"value": "=1+1"}
