"""Write the files of a new schema version, once, before anything else of it is changed by more than addition.

`uv run python -m tests.versions.record`; what is there already is never written again.
"""

from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions
from faust.serializers.codecs import dumps

from iss_agents.telemetry.records import SCHEMA_VERSION, encode
from tests.versions.examples import MESSAGES, TABLES, documents

FIXTURES = Path(__file__).parents[1] / "fixtures"


def folder(version: int) -> Path:
    """Return where the files of a schema version are."""
    return FIXTURES / f"v{version}"


def document_in(file: Path) -> dict[str, Any]:
    """Return a document as MongoDB gives it."""
    return decoded(file.read_bytes())


def decoded(data: bytes) -> dict[str, Any]:
    """Return the document of BSON, its times in UTC."""
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
    return bson.decode(data, options)


def record(place: Path) -> None:
    """Write what messages, changelogs and documents are today."""
    for name, (message, _) in MESSAGES.items():
        _write(place / "messages" / f"{name}.json", encode(message))
    for name, value in TABLES.items():
        _write(place / "changelogs" / f"{name}.json", dumps("json", value))
    for name, document in documents().items():
        _write(place / "documents" / f"{name}.bson", bson.encode(document))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as new:
        new.write(content)


if __name__ == "__main__":
    record(folder(SCHEMA_VERSION))
