"""`export`: writes the readings of a span to a file, and resumes after any interruption."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import msgspec
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from iss_agents.cli.api import Api, BusyError, Page, Parameters
from iss_agents.cli.export_formats import Form, form_of
from iss_agents.cli.resumable_file import (
    Partial,
    Progress,
    Query,
    partial_file,
    require_absent,
    said_if_it_fails,
)
from iss_agents.errors import UserError
from iss_agents.runtime.console import PrintableConsole
from iss_agents.runtime.output import say
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.time_expressions import instant

PAGE = 10_000
"""Readings per page: the API's maximum."""

LONGEST_WAIT = 60.0


def export(url: str, query: Query, file: Path, *, force: bool, resume: bool) -> int:
    """Write the readings of `query` to `file` and return how many they are.

    Raises:
        UserError: the file exists (without `force`) or cannot be written, or the worker does not answer.
            What has been fetched is kept, and the same call resumes after it.
    """
    form = form_of(file)
    require_absent(file, force=force)
    with partial_file(file, _fresh(query), force=force, resume=resume) as partial, _kept(partial):
        api = Api(url)
        _fetch(api, partial, form)
        require_absent(file, force=force)
        with said_if_it_fails(file):
            partial.become(form.finish(partial.path))
    return partial.progress.readings


def _fresh(query: Query) -> Progress:
    now = datetime.now(UTC)
    start, end = instant(query.start, now), instant(query.end, now)
    if start > end:
        raise UserError(f"--from {query.start} is after --to {query.end}.")
    return Progress(query, rfc3339(start), rfc3339(end))


def _fetch(api: Api, partial: Partial, form: Form) -> None:
    if partial.progress.readings:
        said = partial.progress
        say(f"Going on after {said.readings:,} readings; the span is {said.start} to {said.end}.")
    if not partial.progress.size:
        partial.append(form.begin, partial.progress)
    with _bar(partial.progress) as bar:
        while partial.progress.cursor is not None:
            page = _page(api, partial.progress)
            partial.append(form.lines(page.documents), _after(partial.progress, page))
            bar.update(partial.progress)


def _page(api: Api, progress: Progress) -> Page:
    query = progress.query
    span: Parameters = {"from": progress.start, "to": progress.end, "limit": PAGE}
    asked: Parameters = {**span, "item": query.items, "source": query.source, "cursor": progress.cursor or ""}
    told = False
    while True:
        try:
            return api.page("/telemetry", "readings", asked)
        except BusyError as busy:
            if not told:
                say(f"{busy} Trying again; Ctrl-C keeps what is there.")
            told = True
            sleep(min(busy.retry_after, LONGEST_WAIT))


def _after(progress: Progress, page: Page) -> Progress:
    reached = page.documents[-1]["source_ts"] if page.documents else progress.reached
    readings = progress.readings + len(page.documents)
    return msgspec.structs.replace(progress, cursor=page.next_cursor, readings=readings, reached=reached)


@contextmanager
def _kept(partial: Partial) -> Iterator[None]:
    """Keep what has been fetched and say so; leave nothing behind if nothing has."""
    try:
        yield
    except (UserError, KeyboardInterrupt) as error:
        if not partial.progress.readings:
            partial.discard()
            raise
        kept = f"{partial.progress.readings:,} readings are kept in {partial.path}: the same command goes on."
        raise UserError(f"{str(error) or 'Stopped.'} {kept}") from error


class _Shown:
    """Progress bar of the span, on a terminal."""

    def __init__(self, bar: Bar, first: Progress) -> None:
        self._bar = bar
        self._start, self._end = _seconds(first.start), _seconds(first.end)
        self._task = bar.add_task("", total=max(self._end - self._start, 1))
        self.update(first)

    def update(self, progress: Progress) -> None:
        """Draw as far as `progress`."""
        reached = self._end if progress.cursor is None else _seconds(progress.reached or progress.start)
        said = f"{progress.readings:,} readings"
        self._bar.update(self._task, completed=reached - self._start, description=said)


@contextmanager
def _bar(first: Progress) -> Iterator[_Shown]:
    console = PrintableConsole(stderr=True)
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield _Shown(bar, first)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
