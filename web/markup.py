"""HTML made of elements, so that no text can be taken for markup."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

Node = ET.Element | str


def element(tag: str, *children: Node, **attributes: str) -> ET.Element:
    """Return an element. In the name of an attribute `_` stands for `-`, and at its end for nothing."""
    made = ET.Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    for child in children:
        _append(made, child)
    return made


def table(heads: Iterable[str], rows: Iterable[Iterable[Node]], caption: str) -> ET.Element:
    """Return a table whose first column names the rows."""
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest))
        for first, *rest in rows
    ]
    return element("table", element("caption", caption), element("thead", head), element("tbody", *body))


def prose(text: str) -> list[ET.Element]:
    """Return the paragraphs of a docstring, with what stands between backticks as code."""
    return [element("p", *coded(" ".join(part.split()))) for part in text.split("\n\n") if part.strip()]


def coded(text: str) -> list[Node]:
    """Return `text` with what stands between backticks as code."""
    return [element("code", part) if odd % 2 else part for odd, part in enumerate(text.split("`"))]


def page(root: ET.Element) -> str:
    """Return the whole page as it is sent."""
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html")


def _append(parent: ET.Element, child: Node) -> None:
    if isinstance(child, ET.Element):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + child
    else:
        parent.text = (parent.text or "") + child
