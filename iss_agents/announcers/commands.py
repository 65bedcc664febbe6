"""Command `jokes`: prints example posts."""

from datetime import UTC, datetime

import click

from iss_agents.announcers.texts.text import compose, phrases
from iss_agents.runtime.output import write

SHOWN_BEFORE, SHOWN_AFTER = 42.0, 45.0
"""The level of the examples, before and after, in percent."""


@click.command()
@click.option("--count", default=30, show_default=True, type=click.IntRange(min=1), help="How many at most.")
def jokes(count: int) -> None:
    """Print examples of what the bot posts, jokes and haiku, with a fictional time and level."""
    known = phrases()
    shown = min(count, len(known))
    now, facts = datetime.now(UTC), ""
    for place in range(shown):
        post = compose(known[place * len(known) // shown], now, SHOWN_BEFORE, SHOWN_AFTER)
        phrase, _, facts = post.rpartition("\n\n")
        for line in phrase.split("\n"):
            write(line)
        write()
    write(f"Below each of them stands: {facts}")
