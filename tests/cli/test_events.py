"""`iss-agents events`, asked of a real worker."""

import json

from tests.cli.running import run
from tests.web.world import RISE, USE


async def test_events_are_told_with_text_and_decision(worker_url: str) -> None:
    ran = await run(worker_url, "events", "--from", "-30d")

    head, rise, use = ran.output.splitlines()
    assert head.split() == ["begin,", "UTC", "kind", "rise", "decision", "text"]
    assert rise == f"{RISE.start:%Y-%m-%d %H:%M:%S}  unobserved  +27 % (10 to 37)"
    assert use.startswith(f"{USE.start:%Y-%m-%d %H:%M:%S}  use         +")
    assert use.endswith("not posted  A use.")


async def test_programs_get_each_event_with_its_post(worker_url: str) -> None:
    ran = await run(worker_url, "events", "--from", "-30d", "--kind", "use", "--json")

    (use,) = [json.loads(line) for line in ran.output.splitlines()]
    assert (use["event_id"], use["kind"], use["post"]["text"]) == ("a1", "use", "A use.")


async def test_no_events_are_no_output(worker_url: str) -> None:
    ran = await run(worker_url, "events", "--from", "-30d", "--to", "-29d")

    assert ran == ("", "No events between -30d and -29d.\n", None)
