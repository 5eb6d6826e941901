"""Text that people write in Markdown, as markup of a page: no HTML of their own, and links to web addresses alone."""

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup

_LIMIT = 200_000


def to_markup(text: str) -> Markup:
    """Return a text in Markdown as markup. Its headings begin below that of the page."""
    return Markup(_renderer().render(text[:_LIMIT]))  # noqa: S704 - the renderer escapes what it is given


@cache
def _renderer() -> MarkdownIt:
    # Without `html`, tags in the text are text; links to `javascript:` and the like are left as text.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
