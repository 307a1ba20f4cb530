"""HTML as a list of elements."""

from html.parser import HTMLParser
from typing import NamedTuple


class Element(NamedTuple):
    """A tag and its attributes."""

    tag: str
    attributes: dict[str, str]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))


def elements_of(html: str) -> list[Element]:
    """Every element, in the order of the page."""
    parser = _Parser()
    parser.feed(html)
    return parser.elements


def values_of(html: str, attribute: str) -> list[str]:
    """What this attribute says, wherever it is."""
    return [each.attributes[attribute] for each in elements_of(html) if attribute in each.attributes]
