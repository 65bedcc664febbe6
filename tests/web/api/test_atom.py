from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from iss_agents.announcers.texts.text import text_for
from tests.factories import urination
from web.api.atom import ATOM, feed

NOW = datetime(2026, 8, 11, 12, 30, tzinfo=UTC)


def document(event_id: str) -> dict[str, Any]:
    """The event as the archive keeps it."""
    event = urination(event_id, detected_at=NOW - timedelta(minutes=5))
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name != "event_id"}
    return {"_id": event_id, "kind": "use", **fields}


def texts(xml: str, path: str) -> list[str | None]:
    return [element.text for element in ET.fromstring(xml).findall(path, {"": ATOM})]


def test_each_use_is_an_entry_with_its_text_and_an_id_of_its_own() -> None:
    xml = feed([document("b2"), document("a1")], NOW)

    assert texts(xml, "entry/title") == ["Tank 42 % to 45 %"] * 2
    assert texts(xml, "entry/id") == ["tag:iss-agents,2026:events/b2", "tag:iss-agents,2026:events/a1"]
    assert texts(xml, "entry/summary") == [
        text_for(urination(event_id, detected_at=NOW - timedelta(minutes=5))) for event_id in ("b2", "a1")
    ]
    assert texts(xml, "updated") == ["2026-08-11T12:25:00.000Z"]


def test_it_is_xml_whatever_an_id_is() -> None:
    xml = feed([{**document("a1"), "_id": "\x00\x1b]0;x\x07\ufffe<&\u202e"}], NOW)

    assert texts(xml, "entry/id") == ["tag:iss-agents,2026:events/\\x00\\x1b]0;x\\x07\\ufffe<&\\u202e"]
    assert "\n" in str(texts(xml, "entry/summary")[0])


def test_a_week_without_uses_is_a_feed_without_entries() -> None:
    xml = feed([], NOW)

    assert texts(xml, "entry") == []
    assert texts(xml, "updated") == ["2026-08-11T12:30:00.000Z"]
