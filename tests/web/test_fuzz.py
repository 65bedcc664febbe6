"""Whatever is asked, by the description or against it: an answer that the description knows, and no failure."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories import TOKEN
from tests.web.world import KNOWN, world
from web.openapi.document import describe
from web.routes import BLUEPRINTS

DOCUMENT = describe(BLUEPRINTS)
SCHEMA = schemathesis.openapi.from_dict(deepcopy(DOCUMENT))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 12
MANY_EXAMPLES = 100


def _is_stream(operation: dict[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


# A stream has no end to wait for; its own tests read it.
OPERATIONS = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if not _is_stream(operation)
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@pytest.fixture(scope="module")
def server(mongo_url: str) -> Iterator[str]:
    with world(mongo_url) as address:
        yield address


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_input_is_answered_otherwise_than_described(
    server: str, path: str, method: str, mode: GenerationMode
) -> None:
    _fuzz(server, path, method, mode, EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_input_of_very_many_is_answered_otherwise_than_described(
    server: str, path: str, method: str, mode: GenerationMode
) -> None:
    _fuzz(server, path, method, mode, MANY_EXAMPLES)


def _fuzz(server: str, path: str, method: str, mode: GenerationMode, examples: int) -> None:
    @settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=SCHEMA[path][method].as_strategy(generation_mode=mode), of_here=st.booleans())
    def every(case: Case[Any], of_here: bool) -> None:  # noqa: FBT001 - drawn, not passed by a person
        if of_here and mode == GenerationMode.POSITIVE:
            _ask_for_what_is_here(case)
        case.call_and_validate(base_url=server, checks=CHECKS, headers={"Authorization": f"Bearer {TOKEN}"})

    try:
        every()
    except Unsatisfiable:
        assert mode == GenerationMode.NEGATIVE, "nothing fits the description"


def _ask_for_what_is_here(case: Case[Any]) -> None:
    # Chance finds no id.
    case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters})
    if "item" in case.query:
        case.query["item"] = KNOWN["item_id"]
    if isinstance(case.body, dict) and "item_id" in case.body:
        case.body["item_id"] = KNOWN["item_id"]
