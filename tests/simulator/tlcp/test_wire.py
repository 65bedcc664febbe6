import pytest

from iss_agents.simulator.tlcp.wire import ProtocolError, encode_values, read_count, read_parameters


def test_reads_parameters_percent_decoded() -> None:
    line = "LS_group=USLAB000058%20TIME_000001&LS_schema=Value&LS_user=a%3Db+c"

    assert read_parameters(line) == {
        "LS_group": "USLAB000058 TIME_000001",
        "LS_schema": "Value",
        "LS_user": "a=b+c",
    }


def test_refuses_a_line_that_is_not_made_of_parameters() -> None:
    with pytest.raises(ProtocolError, match="67 Malformed request"):
        read_parameters("LS_group=A&nonsense")


def test_reads_whole_numbers() -> None:
    assert read_count({"LS_keepalive_millis": "1500"}, "LS_keepalive_millis", 5000) == 1500
    assert read_count({}, "LS_keepalive_millis", 5000) == 5000
    with pytest.raises(ProtocolError, match="65 LS_keepalive_millis"):
        read_count({"LS_keepalive_millis": "-1"}, "LS_keepalive_millis", 5000)


def test_first_values_are_all_written() -> None:
    assert encode_values(["1.5", None, "", "24"], None) == "1.5|#|$|24"


def test_only_reserved_characters_are_encoded() -> None:
    values = ["a|b%c+d,e", "#1", "1#$^", "$", "^2", "x\r\ny", "°C"]

    assert encode_values(values, None) == "a%7Cb%25c+d,e|%231|1#$^|%24|%5E2|x%0D%0Ay|°C"


def test_unchanged_values_are_left_out() -> None:
    assert encode_values(["2", "b", "c", "d"], ["1", "b", "c", "d"]) == "2|^3"
    assert encode_values(["a", "2", "c", None], ["a", "1", "c", "d"]) == "|2||#"
