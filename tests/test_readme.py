"""The READMEs say what is there."""

import re
from pathlib import Path

from click.testing import CliRunner

from iss_agents.cli.main import COMMANDS, commands
from iss_agents.config.settings import Settings

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FRONT = ROOT / "README.md"
README_FILES = [
    FRONT,
    *(found for folder in ("docker", "iss_agents", "web") for found in (ROOT / folder).rglob("README.md")),
]
README = "\n".join(file.read_text(encoding="utf-8") for file in README_FILES)


def test_every_setting_is_explained_and_no_other() -> None:
    assert set(re.findall(r"ISS_[A-Z_]+", README)) == {f"ISS_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_shown_and_exists() -> None:
    shown = set(re.findall(r"uv run iss-agents ([a-z-]+)", README))

    assert shown == set(COMMANDS)
    for name in shown:
        assert CliRunner().invoke(commands, [name, "--help"]).exit_code == 0


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`([a-z_]+/test_[a-z_]+\.py)`", README)

    assert len(named) > 20
    assert [name for name in named if not (TESTS / name).is_file()] == []


def test_the_front_page_is_short() -> None:
    assert len(FRONT.read_bytes()) <= 9000


def test_the_front_page_leads_to_every_other() -> None:
    linked = {(ROOT / target).resolve() for target in _links(FRONT)}

    assert set(README_FILES) - {FRONT} <= linked


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{file.relative_to(ROOT)}: {link}"
        for file in README_FILES
        for link in _links(file, with_anchors=True)
        if not _leads_somewhere(file, link)
    ]

    assert broken == []


def _links(file: Path, *, with_anchors: bool = False) -> list[str]:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", file.read_text(encoding="utf-8"))
    return links if with_anchors else [link.partition("#")[0] for link in links]


def _leads_somewhere(file: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = file.parent / path if path else file
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", file.read_text(encoding="utf-8"))
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
