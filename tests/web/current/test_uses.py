from tests.factories import decision_on, urination
from web.current.uses import use_document


def test_a_use_is_shown_with_its_decision() -> None:
    decision = decision_on("a", text="A use, posted.")

    assert use_document(urination("a"), decision) == {
        "event_id": "a",
        "start": "2026-08-11T11:59:00.000Z",
        "end": "2026-08-11T11:59:20.000Z",
        "detected_at": "2026-08-11T12:00:00.000Z",
        "level_before": 42.0,
        "level_after": 45.0,
        "delta_percent": 3.0,
        "confidence": 0.9,
        "source": "isslive",
        "text": "A use, posted.",
        "decision": "posted",
    }


def test_without_a_decision_there_is_no_text() -> None:
    use = use_document(urination("a"), None)

    assert (use["text"], use["decision"]) == (None, None)
