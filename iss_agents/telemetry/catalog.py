"""Catalogue of the public items: name, unit, discipline and states of each, and what it is.

`catalog.csv` holds the 298 items of the ISSLive demo's PUIList.xml (2011) and 39 Canadian robotics items
collected by ISS-Mimic. Units and some names of PUIList.xml are wrong: the corrected ones win, and the column
beside each says what it was corrected by. So does the one beside the time after which an item is stuck: thrice
the longest rest in a recording, at least 20 minutes, which no usual loss of signal lasts.
`descriptions.csv` says in plain words what each item is.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

SIGNAL_ITEM = "TIME_000001"
"""The station's clock, which ticks once a second; its Status.Class says whether the signal is acquired."""

YEAR_ITEM = "TIME_000002"
"""The year of the station's clock, which time stamps do not have."""

CLOCK_ITEMS = (YEAR_ITEM, SIGNAL_ITEM)

TANK_ITEM = "NODE3000005"
PROCESSOR_ITEM = "NODE3000004"
TANK_ITEMS = frozenset({TANK_ITEM, PROCESSOR_ITEM, SIGNAL_ITEM})
"""The input of the urine tank's detector, kept in one order: level, processor state, signal."""


@dataclass(frozen=True)
class Item:
    """One row of the catalogue. `states` maps the whole numbers of an enum item to their meaning.

    `note` says what a reader should know of the channel, such as that it is not published; mostly empty.
    `stuck_after` is the number of seconds after which an item that should have changed is stuck; None if it may
    rest for ever.
    `plain_name` and `synonyms` are for those who do not know the official name. `description` is one sentence;
    its source is empty where the meaning is only inferred from the name.
    """

    item_id: str
    name: str
    discipline: str
    unit: str
    states: dict[int, str] = field(default_factory=dict)
    note: str = ""
    stuck_after: int | None = None
    plain_name: str = ""
    synonyms: tuple[str, ...] = ()
    description: str = ""
    description_source: str = ""

    def state(self, value: str) -> str | None:
        """Return the decoded state of an enum value, sent as "2" or as "2.00", or None."""
        number = as_number(value) if self.states else None
        if number is None or not number.is_integer():
            return None
        return self.states.get(int(number))


def as_number(value: str) -> float | None:
    """Return the finite number that `value` spells in ASCII, or None."""
    # Python also accepts 1_000, digits of other scripts and blanks around a number.
    if not value.isascii() or "_" in value or value.strip() != value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


@cache
def items() -> dict[str, Item]:
    """Return all 337 items by item id, in catalogue order but with the station's year and its clock first.

    A session's snapshot then begins with them, so that the state of the broadcast and of its clock is known
    before any other reading is checked.
    """
    described = {row["item_id"]: row for row in _rows("descriptions.csv")}
    found = {row["public_pui"]: _item(row, described[row["public_pui"]]) for row in _rows("catalog.csv")}
    return {item_id: found[item_id] for item_id in CLOCK_ITEMS} | found


@cache
def _ids() -> dict[str, str]:
    return {item_id.upper(): item_id for item_id in items()}


def find(text: str) -> Item | None:
    """Return the item whose id is `text`, in whatever case, or None."""
    item_id = _ids().get(text.upper())
    return items()[item_id] if item_id else None


def names_states(item_id: str) -> bool:
    """Return whether the numbers of an item name states, so that their mean means nothing."""
    item = items().get(item_id)
    return bool(item and item.states)


def _rows(name: str) -> Iterable[dict[str, str]]:
    text = files("iss_agents.telemetry").joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def _item(row: dict[str, str], described: dict[str, str]) -> Item:
    states = _states(row["enum"])
    return Item(
        item_id=row["public_pui"],
        name=row["description_corrected"] or row["description"],
        discipline=row["discipline"],
        unit="" if states else row["units_corrected"] or row["units"],
        states=states,
        note=row["note"],
        stuck_after=int(row["stuck_after_s"]) if row["stuck_after_s"] else None,
        plain_name=described["plain_name"],
        synonyms=tuple(described["synonyms"].split("; ")),
        description=described["description"],
        description_source=described["source"],
    )


def _states(text: str) -> dict[int, str]:
    pairs = (pair.split("=", 1) for pair in text.split("; ") if "=" in pair)
    return {int(number): label.strip() for number, label in pairs}
