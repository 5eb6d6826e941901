"""Links to the pages of the console that everyone can reach from every page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of a list of pages: its name in templates, its text, its address, and the keys that lead there."""

    key: str
    text: str
    address: str
    shortcut: str = ""
