"""Worker process of Faust, without its spinner, and with a stop that takes seconds."""

import logging
from threading import Timer
from typing import Any, Protocol, cast

import faust
from mode.types import ServiceT

from iss_agents.runtime.fail_fast import EXIT_CODE, end_process
from iss_agents.runtime.health import Health

logger = logging.getLogger(__name__)

STOP_SECONDS = 15.0
"""How long a stop may take: less than supervisors wait. Faust would wait 90 s for a Kafka that is silent."""


class StoppedInOrder(Protocol):
    """An App that names the services that stop before all others, in this order, and has their health."""

    stopped_first: list[ServiceT]
    health: Health


class Worker(faust.Worker):
    """Logs as `logs.py` configures; Faust's spinner sets the root logger to DEBUG and writes control codes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.spinner = None

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Leave the logger as it is configured."""

    async def stop(self) -> None:
        """Stop the services of `stopped_first`, then the rest, and end the process if that takes too long."""
        if not self._stopped.is_set():
            _cut_off_later(crashed=self.crash_reason is not None)
            app = cast("StoppedInOrder", self.app)
            app.health.is_stopping = True
            for service in app.stopped_first:
                await service.stop()
        await super().stop()


def _cut_off_later(*, crashed: bool) -> None:
    # A daemon thread: the interpreter itself waits for other threads, which may wait for an answer.
    timer = Timer(STOP_SECONDS, _cut_off, [EXIT_CODE if crashed else 0])
    timer.daemon = True
    timer.start()


def _cut_off(exit_code: int) -> None:
    logger.warning(
        "The stop takes over %.0f s and is aborted; unfinished batches are redelivered", STOP_SECONDS
    )
    end_process(exit_code)
