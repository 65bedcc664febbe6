"""The catalogue of public items: what each one is called, measured in and means.

`catalog.csv` holds the 298 items of the ISSLive demo's PUIList.xml (2011) and 39 Canadian robotics items
collected by ISS-Mimic. Units of PUIList.xml are often wrong; the corrected ones win.
"""

import csv
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

SIGNAL_ITEM = "TIME_000001"
"""The station's clock, once a second; its Status.Class says whether the signal is acquired."""

TANK_ITEM = "NODE3000005"
PROCESSOR_ITEM = "NODE3000004"
TANK_ITEMS = frozenset({TANK_ITEM, PROCESSOR_ITEM, SIGNAL_ITEM})
"""What the urine tank's detector sees, kept in one order: level, processor state, signal."""


@dataclass(frozen=True)
class Item:
    """One row of the catalogue. `states` maps the whole numbers of an enum item to their meaning."""

    item_id: str
    name: str
    discipline: str
    unit: str
    states: dict[int, str] = field(default_factory=dict)

    def state(self, value: str) -> str | None:
        """Return the decoded state of an enum value, sent as "2" or as "2.00", or None."""
        number = as_number(value) if self.states else None
        if number is None or not number.is_integer():
            return None
        return self.states.get(int(number))


def as_number(value: str) -> float | None:
    """Return the finite number that `value` spells, or None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


@cache
def items() -> dict[str, Item]:
    """Return all 337 items by item id, in catalogue order but with the station's clock first.

    The clock is first so that a session's snapshot begins with it: whether the broadcast is alive is then
    known before any other reading is judged.
    """
    text = files("iss_agents").joinpath("catalog.csv").read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: row["public_pui"] != SIGNAL_ITEM)
    return {row["public_pui"]: _item(row) for row in rows}


def _item(row: dict[str, str]) -> Item:
    return Item(
        item_id=row["public_pui"],
        name=row["description"],
        discipline=row["discipline"],
        unit=row["units_corrected"] or row["units"],
        states=_states(row["enum"]),
    )


def _states(text: str) -> dict[int, str]:
    pairs = (pair.split("=", 1) for pair in text.split("; ") if "=" in pair)
    return {int(number): label.strip() for number, label in pairs}
