"""Values of a state as pages show them."""

import pytest

from common.stacks.overview.values import Value, show


@pytest.mark.parametrize(
    ("value", "is_address"),
    [
        ("https://shop.example.com/a?b=c#d", True),
        ("http://127.0.0.1:8080", True),
        ("javascript:alert(1)", False),
        ("https://user:password@example.com", False),
        ('https://example.com/"onclick=x', False),
        ("https://example.com /x", False),
        ("see https://example.com", False),
        ({"url": "https://example.com"}, False),
    ],
)
def test_address_of_a_page_is_a_link(value: object, is_address: bool) -> None:
    """A text that is the address of a page, without a password, is one; nothing else is, and no secret."""
    assert is_address == show("a", value).is_address
    assert not Value("a", "https://example.com", is_secret=True, is_text=True).is_address


def test_few_lines_are_shown_at_once() -> None:
    """A value of a line is not long, one of few lines is a block, and a longer one is folded."""
    short, block, long = show("a", "x"), show("a", {"api": "x", "web": "y"}), show("a", list(range(20)))

    assert [(False, False), (True, True), (True, False)] == [(item.is_long, item.is_block) for item in (short, block, long)]
