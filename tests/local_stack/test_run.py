"""A whole run with real Kafka and database and a stand-in for the worker: how it starts, ends and fails."""

import io
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.local_stack.display import Screen
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.ports import accepts, free_port, only_user_of
from iss_agents.local_stack.run import Result, _result, run
from iss_agents.local_stack.stack import Announce, LocalStack, Plan
from iss_agents.local_stack.supervisor import Supervisor
from iss_agents.local_stack.worker_metrics import Figures, read_figures
from iss_agents.runtime.console import PrintableConsole
from tests.local_stack import stand_in

TEN_RECEIVED = replace(read_figures(""), received=10)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_for(tmp_path)


def plan_for(folder: Path, *arguments: str) -> Plan:
    return Plan(
        folder=folder,
        jar_folder=jar_folder(load_settings().home),
        kafka_port=free_port(),
        database_port=free_port(),
        web_port=free_port(),
        feed_url="http://127.0.0.1:1",
        worker=(sys.executable, stand_in.__file__, *arguments),
    )


def quiet() -> Screen:
    return Screen(PrintableConsole(file=io.StringIO()))


def open_ports(plan: Plan) -> list[int]:
    return [port for port in (plan.kafka_port, plan.database_port, plan.web_port) if accepts(port)]


def test_a_run_with_one_port_for_two_programs_is_refused(plan: Plan) -> None:
    with pytest.raises(UserError, match=r"Kafka \(--kafka-port\) and the worker's pages \(ISS_WEB_PORT\) both"):
        run(replace(plan, web_port=plan.kafka_port), quiet(), seconds=1)

    assert [path.name for path in plan.folder.iterdir()] == ["lock"]


def test_a_run_ends_by_itself_with_everything_accounted_for(plan: Plan) -> None:
    screen = io.StringIO()

    result = run(plan, Screen(PrintableConsole(file=screen)), seconds=1)

    assert (result.received, result.archived, result.duplicates, result.invalid) == (10, 9, 1, 0)
    assert result.complete
    assert open_ports(plan) == []
    assert "Kafka answers after" in screen.getvalue()
    assert f"page http://127.0.0.1:{plan.web_port}/" in screen.getvalue()


class InterruptedScreen(io.StringIO):
    """Sends the program a signal when it first says `words`, and at no other point."""

    def __init__(self, words: str, number: signal.Signals) -> None:
        super().__init__()
        self._words = words
        self._number = number

    def write(self, text: str) -> int:
        is_first = self._words in text and self._words not in self.getvalue()
        written = super().write(text)
        if is_first:
            signal.raise_signal(self._number)
        return written


@pytest.mark.long
def test_a_run_that_is_interrupted_drains_and_stops_everything(plan: Plan) -> None:
    screen = InterruptedScreen("updates/s", signal.SIGTERM)

    result = run(plan, Screen(PrintableConsole(file=screen)), seconds=None)

    assert result.complete
    assert open_ports(plan) == []
    assert "Stopping: the feed ends" in screen.getvalue()


@pytest.mark.long
def test_a_run_that_is_interrupted_while_it_starts_stops_everything(plan: Plan) -> None:
    screen = InterruptedScreen("The database answers", signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(plan, Screen(PrintableConsole(file=screen)), seconds=None)

    assert "The database answers" in screen.getvalue()
    assert open_ports(plan) == []


@pytest.mark.long
def test_a_storage_that_was_broken_before_there_were_topics_is_replaced(plan: Plan) -> None:
    run(plan, quiet(), seconds=1)  # the stand-in creates no topic
    (plan.folder / "database" / "data" / "WiredTiger.wt").write_bytes(b"torn")
    screen = io.StringIO()

    run(plan, Screen(PrintableConsole(file=screen)), seconds=1)

    [kept] = (plan.folder / "database").glob("data.broken-*")
    assert f"that is kept as {kept}, and a fresh one" in screen.getvalue()


@pytest.mark.long
def test_a_part_that_crashes_is_named_and_the_others_are_stopped(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, "crash")

    with pytest.raises(UserError) as failure:
        run(plan, quiet(), seconds=None)

    assert str(failure.value).startswith(
        f"The worker has ended (exit code 3); its whole log is {tmp_path}/worker.log\n"
    )
    assert "out of order" in str(failure.value)
    assert open_ports(plan) == []


def test_a_second_run_in_the_same_folder_is_refused(plan: Plan) -> None:
    with only_user_of(plan.folder), pytest.raises(UserError, match="is in use by another iss-agents"):
        run(plan, quiet(), seconds=None)

    assert open_ports(plan) == []


def test_copies_that_a_stalled_kafka_got_are_counted_apart(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = replace(TEN_RECEIVED, published=10, archived=10, duplicates=5, reread=3)

    result = amounting_to(figures, plan, monkeypatch, in_kafka=12)

    assert (result.duplicates, result.resent, result.reread, result.complete) == (0, 2, 3, True)


def test_a_copy_does_not_make_up_for_a_reading_that_was_lost(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_sent = replace(TEN_RECEIVED, published=9, archived=9, duplicates=1)
    never_stored = replace(TEN_RECEIVED, published=10, archived=9, duplicates=1, reread=1)

    resent = amounting_to(never_sent, plan, monkeypatch, in_kafka=10)
    reread = amounting_to(never_stored, plan, monkeypatch, in_kafka=10)

    assert (resent.resent, resent.complete) == (1, False)
    assert (reread.reread, reread.complete) == (1, False)


def amounting_to(figures: Figures, plan: Plan, monkeypatch: pytest.MonkeyPatch, in_kafka: int) -> Result:
    """Return the result of a run with these figures in the end, in which Kafka got `in_kafka` readings."""
    stack = LocalStack(plan, Supervisor(), Announce())
    monkeypatch.setattr(stack, "published", lambda: in_kafka)
    return _result(stack, figures, 1.0)
