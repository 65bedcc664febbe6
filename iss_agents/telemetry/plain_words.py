"""Plain words for the codes of the API, as the command line and the page write them."""

DECISIONS = {
    "dry_run": "not posted",
    "suppressed": "too soon",
    "stale": "too late",
    "refused": "rejected",
    "failed": "not sent",
}
"""Decision on a use -> what people call it; `posted` is called so."""

SIGNALS = {
    "AOS": "in contact (AOS)",
    "LOS": "no contact (LOS)",
    "STALE": "standing still",
    "UNKNOWN": "unknown",
}
"""State of the signal -> what people call it."""

TRENDS = {"draining": "being emptied", "unknown": "trend not known"}
"""State of the tank -> what people call it; the others are called by their names."""

SOURCES = {"simulated": "a simulated station: nothing here comes from space", "test": "test readings only"}
"""Source other than the station -> what people should know."""
