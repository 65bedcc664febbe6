"""Severity of a reading: which values people should see first, and which belong to what is switched off."""

import re
from typing import Literal

from iss_agents.telemetry.records import is_acceptable_status

Severity = Literal["failure", "caution", "inactive"]

FAILURE = re.compile(r"fail|error|wrong|\bbad\b|unusable|no usable|unlocked", re.IGNORECASE)
CAUTION = re.compile(
    r"(no|missing|extra) data|undetermin|undefined|\bneed|only \d usable|no vel|emergency|survival|crew rescue",
    re.IGNORECASE,
)
INACTIVE = re.compile(
    r"off|off-ok|eib off|pump off cmd|closed|clsd|shutdown|stop|inactive|idle|standby|inhibited|unused"
    r"|not in use|not enabled|none|released|-",
    re.IGNORECASE,
)


def severity(state: str | None, status_class: str | None) -> Severity | None:
    """Return the severity of a reading, by the state that it names and its Status.Class; None is ordinary."""
    if state and FAILURE.search(state):
        return "failure"
    if not is_acceptable_status(status_class) or (state and CAUTION.search(state)):
        return "caution"
    return "inactive" if state and INACTIVE.fullmatch(state) else None
