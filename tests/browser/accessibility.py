"""What axe-core finds wrong with a page for people with a keyboard, a screen reader or weak eyes."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

GRAVE = frozenset({"serious", "critical"})


async def grave_findings(page: Page) -> list[str]:
    """Return the serious and critical findings, as `rule: target, target`."""
    results = await Axe().run(page)
    return [_line(found) for found in results.response["violations"] if found["impact"] in GRAVE]


def _line(found: dict[str, list[dict[str, object]]]) -> str:
    return f"{found['id']}: {', '.join(str(node['target']) for node in found['nodes'])}"
