"""Progress bar of a backup, on terminals only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from iss_agents.runtime.console import PrintableConsole

Reached: TypeAlias = Callable[[int], None]
"""Is told how much of the total is done."""


@contextmanager
def shown(what: str, total: int) -> Iterator[Reached]:
    """Show a bar with the text `what` during the block."""
    console = PrintableConsole(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=max(total, 1))
        yield lambda done: bar.update(task, completed=min(done, total))
