"""Faults of a soak, and their order."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from iss_agents.tools.soak.clock_faults import (
    step_feed_clock,
    step_station_clock,
    step_worker_clock,
    stop_station_clock,
)
from iss_agents.tools.soak.context import Fault
from iss_agents.tools.soak.log_faults import move_offsets, recreate_raw_topic, recreate_topic
from iss_agents.tools.soak.process_faults import (
    break_record,
    end_database,
    end_kafka,
    end_worker,
    halt_database,
    halt_feed,
    halt_in_batch,
    halt_kafka,
    halt_worker,
    join_and_die,
    join_and_leave,
    kill_database,
    kill_feed,
    kill_kafka,
    kill_worker,
    refuse_writes,
    slow_database,
    slow_kafka,
)
from iss_agents.tools.soak.spool_faults import damage_spool

OF_PROCESSES: tuple[Fault, ...] = (
    end_worker,
    kill_worker,
    halt_worker,
    halt_in_batch,
    join_and_leave,
    join_and_die,
    kill_feed,
    halt_feed,
    end_kafka,
    kill_kafka,
    halt_kafka,
    slow_kafka,
    end_database,
    kill_database,
    halt_database,
    slow_database,
    refuse_writes,
    break_record,
)
OF_STATE: tuple[Fault, ...] = (
    damage_spool,
    recreate_raw_topic,
    recreate_topic,
    move_offsets,
    step_worker_clock,
    step_feed_clock,
    step_station_clock,
    stop_station_clock,
)
FAULTS = (*OF_PROCESSES, *OF_STATE)
WITH_LIBFAKETIME = (step_worker_clock, step_feed_clock)


def rounds(faults: Sequence[Fault], random: Random) -> Iterator[Fault]:
    """Yield faults for ever, in shuffled rounds that contain each of them once."""
    while True:
        yield from random.sample(faults, len(faults))


def possible(faults: Iterable[Fault], *, has_libfaketime: bool) -> Iterator[Fault]:
    """Yield the faults that this machine can inject."""
    return (fault for fault in faults if has_libfaketime or fault not in WITH_LIBFAKETIME)
