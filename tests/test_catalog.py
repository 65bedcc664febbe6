from iss_agents.catalog import SIGNAL_ITEM, as_number, items


def test_all_337_items_are_known_and_the_clock_comes_first() -> None:
    assert len(items()) == 337
    assert next(iter(items())) == SIGNAL_ITEM


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
