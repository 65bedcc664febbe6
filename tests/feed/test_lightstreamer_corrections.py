"""Each correction of the Lightstreamer client: what it saves, and that nothing else changes.

The tests of costs fail with a library that has corrected itself: then our correction can go.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.feed import lightstreamer_corrections
from iss_agents.feed.correction import Correction
from iss_agents.feed.lightstreamer_corrections import (
    CORRECTIONS,
    correct_library,
    library,
)
from tests.feed.scripted_session import SNAPSHOT, Script, Session, as_shipped, corrected, play

__all__ = ["corrected"]


def played_both_ways(script: Script) -> tuple[Session, Session]:
    """Return what a script comes to with the corrections and without."""
    corrected = play(script)
    with as_shipped():
        return corrected, play(script)


def values(session: Session) -> None:
    session.begin()
    session.send("U,1,1,37|$|#|a%7Cb%25+", "U,1,2,%C3%A4€|5354.1|24|", "PROBE")


def unchanged(session: Session) -> None:
    session.begin()
    session.send(
        *SNAPSHOT, "U,1,1,|||", "U,1,1,^4", "U,1,1,38|^2|#", "U,1,1,^1|5354.2", "U,1,2,^3|7", "U,1,2,^0|9"
    )


def short(session: Session) -> None:
    session.begin()
    session.send("U,1,1,37|5354.1", "U,1,1,^2|#|7", "U,1,1,38", "U,1,1,|||8", "U,1,1,^9", "U,1,2,1|2|3|4|5|6")


def patches(session: Session) -> None:
    session.begin()
    session.send('U,1,1,{"a":0}|abcd|24|#', 'U,1,1,^P[{"op":"replace","path":"/a","value":1}]|^Tbcxyb|^2')
    session.send("U,1,1,|^Taczz|^2", 'U,1,1,{"b":2}|^3')


def a_patch_of_nothing(session: Session) -> None:
    session.begin()
    session.send("U,1,1,#|#|#|#", "U,1,1,^Tbcxyb|^3")


def overflow(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "OV,1,2,1000", "U,1,2,9|^3", "CONF,1,2.5,filtered")


def end_of_snapshot(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "EOS,1,1", "U,1,1,9|^3")


def clear_snapshot(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "CS,1,1")


def rejection(session: Session) -> None:
    session.accept("WSOK", "CONOK,S0,50000,60000,*", "REQERR,1,21,Bad Item Group name")


def new_session(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "END,48,Bye")
    session.begin()
    session.send(*SNAPSHOT)


def final_end(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "END,8,Too many", "U,1,1,9|^3")


def recovery(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT, "U,1,1,8|^3")
    session.fail()
    # The server sends the last two notifications once more.
    session.accept("CONOK,S0,50000,60000,*", "PROG,4", SNAPSHOT[-1], "U,1,1,8|^3", "U,1,2,9|^3", "LOOP,0")
    session.accept("WSOK", "CONOK,S0,50000,60000,*", "U,1,3,10|^3")


def failed_recovery(session: Session) -> None:
    session.begin()
    session.send(*SNAPSHOT)
    session.fail()
    session.accept("CONERR,20,Session not found")
    session.begin()
    session.send(*SNAPSHOT)


SCRIPTS = (
    values, unchanged, short, patches, a_patch_of_nothing, overflow, end_of_snapshot, clear_snapshot, rejection,
    new_session, final_end, recovery, failed_recovery,
)  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_session_is_the_same_as_without_the_corrections(script: Script) -> None:
    corrected, shipped = played_both_ways(script)

    assert corrected.heard == shipped.heard
    assert corrected.statuses == shipped.statuses
    assert corrected.sent == shipped.sent
    assert corrected.heard


FIELD = st.one_of(
    st.sampled_from(
        ["", "#", "$", "^", "^0", "^1", "^3", "^9", "^x", "%", "%4", "%zz", "%2C", "%C3%A4", "%FF"]
    ),
    st.sampled_from(['{"a":0}', '^P[{"op":"replace","path":"/a","value":1}]', "^P[", "^Tbcxyb", "^Tb", "^T"]),
    st.text(st.characters(exclude_characters="|\r\n", exclude_categories=["Cs"]), max_size=5),
)
UPDATE = st.builds(
    lambda subscription, item, fields: f"U,{subscription},{item},{'|'.join(fields)}",
    st.sampled_from([*"11111112x", "01", ""]),
    st.sampled_from([*"1231231230x", "99", "10000"]),
    st.one_of(st.lists(FIELD, min_size=4, max_size=4), st.lists(FIELD, max_size=6)),
)
LINE = st.one_of(
    UPDATE, UPDATE, st.sampled_from([*SNAPSHOT, "U", "U,1", "U,1,1", "OV,1,1,5", "PROBE", "U,1,1,²|||"])
)


@settings(max_examples=60)
@given(st.lists(LINE, min_size=1, max_size=12))
def test_any_lines_are_the_same_as_without_the_corrections(lines: list[str]) -> None:
    def script(session: Session) -> None:
        session.begin()
        session.send(*SNAPSHOT, *lines)

    corrected, shipped = played_both_ways(script)

    assert (corrected.heard, corrected.statuses) == (shipped.heard, shipped.statuses)
    assert corrected.sent == shipped.sent


def test_the_library_is_the_one_that_is_corrected() -> None:
    assert [correction.name for correction in CORRECTIONS if not correction.fits()] == []


def test_the_fault_of_the_library_shows_in_a_program_of_its_own() -> None:
    program = Path(__file__).with_name("library_fault.py")
    shown = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)

    assert int(shown.stdout.split()[0]) > 0


def test_a_listener_that_fails_ends_no_session_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Session):
        def onItemUpdate(self, update: Any) -> None:  # noqa: N802
            super().onItemUpdate(update)
            raise RuntimeError("out of order")

    session = Failing()
    session.begin()
    session.send(*SNAPSHOT)
    session.end()

    assert len(session.heard) == len(SNAPSHOT) + len(("subscribed", "frequency", "unsubscribed"))
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["out of order"] * 3


def test_a_library_that_has_changed_is_left_alone_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = library.haxe_ds_IntMap.copy
    other = Correction(library, "haxe_ds_IntMap.copy", "0123456789abcdef", lambda _self: None)
    gone = Correction(library, "haxe_ds_IntMap.duplicate", "0123456789abcdef", lambda _self: None)
    monkeypatch.setattr(lightstreamer_corrections, "CORRECTIONS", [other, gone])
    correct_library.cache_clear()
    for _ in range(2):
        correct_library()

    assert library.haxe_ds_IntMap.copy is shipped
    assert [record.getMessage() for record in caplog.records] == [
        "Not corrected in this version of the Lightstreamer client, and so slower: copy, duplicate"
    ]
