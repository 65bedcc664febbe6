"""`jokes` prints what the bot says."""

from datetime import UTC, datetime

import click

SHOWN_BEFORE, SHOWN_AFTER = 42.0, 45.0
"""The level that examples show, before and after, in percent."""


@click.command(short_help="Print examples of what the bot posts.")
@click.option("--count", default=30, show_default=True, type=click.IntRange(min=1), help="How many at most.")
def jokes(count: int) -> None:
    """Print examples of what the bot posts, jokes and haiku, with a level made up."""
    from iss_agents.announcers.texts.text import compose, phrases  # noqa: PLC0415 - only this command needs it

    known = phrases()
    shown = min(count, len(known))
    now = datetime.now(UTC)
    for place in range(shown):
        phrase = known[place * len(known) // shown]
        click.echo(f"{compose(phrase, now, SHOWN_BEFORE, SHOWN_AFTER)}\n")
