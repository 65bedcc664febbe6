import csv
from importlib.resources import files

import pytest

from iss_agents.telemetry.catalog import SIGNAL_ITEM, YEAR_ITEM, as_number, items


def test_all_337_items_are_known_and_the_stations_year_and_clock_come_first() -> None:
    assert len(items()) == 337
    assert list(items())[:2] == [YEAR_ITEM, SIGNAL_ITEM]


def test_the_corrected_unit_wins() -> None:
    assert items()["AIRLOCK000049"].unit == "mmHg"
    assert items()["NODE3000005"].unit == "%"


def test_enum_values_are_decoded_as_sent_with_or_without_decimals() -> None:
    processor = items()["NODE3000004"]

    assert [processor.state(value) for value in ("16", "16.00", "17", "16.5", "x")] == [
        "NORMAL",
        "NORMAL",
        None,
        None,
        None,
    ]


def test_only_finite_numbers_are_numbers() -> None:
    assert [as_number(text) for text in ("1e3", "-0.5", "nan", "inf", "", "abc")] == [
        1000.0,
        -0.5,
        None,
        None,
        None,
        None,
    ]


def test_only_what_is_a_number_everywhere_is_one() -> None:
    assert [as_number(text) for text in ("1.", ".5", "+7", "-0", "1e-3", "2.50")] == [1, 0.5, 7, 0, 0.001, 2.5]
    strange = ("1_000", "٣", "１２", " 7 ", "7\n", "\u20077", "0x1F", "1e999", "Infinity", "1,5", "--1", "1 2")  # noqa: RUF001 - digits of other scripts
    assert [as_number(text) for text in strange] == [None] * len(strange)


def test_no_two_solar_arrays_and_no_two_coolant_loops_share_a_name() -> None:
    names = [item.name for item in items().values() if "Solar Array" in item.name or "Coolant" in item.name]

    assert len(names) == len(set(names))
    assert len([name for name in names if " 3A " in name]) == len([name for name in names if " 3B " in name])


def test_no_two_items_share_a_name() -> None:
    assert len({item.name for item in items().values()}) == 337


@pytest.mark.parametrize(
    "wrong",
    [
        "Photovolatic",
        "Gimble",
        "Mangement",
        "Undeterminated",
        "(course)",
        "EVA Mobility",
        "Port Thermal Radiator (STR)",
    ],
)
def test_no_name_and_no_state_is_misspelt(wrong: str) -> None:
    words = [word for item in items().values() for word in (item.name, *item.states.values())]

    assert [word for word in words if wrong in word] == []


def test_the_transporter_has_a_place_in_centimetres_and_a_worksite() -> None:
    place, worksite = items()["CSAMT000001"], items()["CSAMT000002"]

    assert ("Position" in place.name, place.unit, place.states) == (True, "cm", {})
    assert worksite.state("3") == "WS3"


def test_voltages_currents_and_pressures_have_units_and_states_have_none() -> None:
    known = items()

    assert (known["AIRLOCK000001"].unit, known["AIRLOCK000002"].unit) == ("V", "A")
    assert known["AIRLOCK000055"].unit == "mmHg"
    assert not [item for item in known.values() if item.states and item.unit]
    assert not [item for item in known.values() if item.unit == "CNT"]


def test_a_channel_that_is_not_published_says_so() -> None:
    assert "-59.457" in items()["NODE3000011"].note
    assert sum(bool(item.note) for item in items().values()) == 9


def test_every_correction_says_what_it_was_made_by() -> None:
    text = files("iss_agents.telemetry").joinpath("catalog.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for column, basis in (
            ("units_corrected", "units_correction_basis"),
            ("description_corrected", "description_correction_basis"),
        ):
            assert bool(row[column]) <= bool(row[basis]), row["public_pui"]
