"""How far a backup is, drawn on a terminal and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

Reached: TypeAlias = Callable[[int], None]
"""Is told how much of the total is done."""


@contextmanager
def shown(what: str, total: int) -> Iterator[Reached]:
    """Draw a bar with the text `what` for as long as the block runs."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=max(total, 1))
        yield lambda done: bar.update(task, completed=min(done, total))
