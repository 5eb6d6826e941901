"""Renders pages: templates with escaping always on, and the headers that keep other scripts than ours and all frames out.

Templates extend base.html and are built of the macros of _parts.html.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse

from common.core.clock import from_millis
from common.stacks.updates.model import HistoryEntry
from functions.pages import static_files
from functions.pages.colours import coloured, plain
from functions.pages.frame import frame_of, home_address
from functions.pages.visitor import Visitor

HERE = Path(__file__).parent
SEE_OTHER = 303
_CLIENT_TAGS = ("pulumi:", "vcs:", "gitHub:")
_HALF_A_YEAR_SECONDS = 180 * 86_400
# Templates are autoescaped, so a quotation mark with an attribute before it is always their own.
_LOCAL_ADDRESS = re.compile(r'\b(?:href|action|src|hx-get|hx-post|hx-push-url)="(?=/(?!/))')


def page(
    visitor: Visitor,
    name: str,
    more: Mapping[str, object] = MappingProxyType({}),
    *,
    status: int = 200,
    form_targets: str = "",
    org: str = "",
    **content: object,
) -> Response:
    """Return a page from a template; `form_targets` are further places that its forms may lead to, as CSP sources.

    `org` is the organization that the page is about. Templates know `person`, who is signed in, or none; `frame`; `form_key`;
    `stylesheet`; `script`; what is in `more` and `content`; and the filter `moment` for times in unix milliseconds.
    (`caller` means something else to Jinja in the body of a form.) Paths in templates begin at the root; STACKHOLD_BASE_PATH
    is added here. Browsers follow `form_targets` through redirects too: a form whose answer leads elsewhere names it.
    """
    around = {
        "org": org,
        "frame": frame_of(visitor.caller, org),
        "stylesheet": static_files.address("page.css"),
        "script": static_files.address("console.js"),
    }
    text = render(visitor, name, {**around, **more, **content})
    response = Response(text, status, media_type="text/html; charset=utf-8", headers=_headers(visitor, form_targets))
    visitor.keep_visit(response)
    return response


def fragment(visitor: Visitor, name: str, content: Mapping[str, object], **headers: str) -> Response:
    """Return a part of a page, which replaces the one that is there."""
    text = render(visitor, name, content)
    return Response(text, 200, {**_headers(visitor, ""), **headers}, "text/html; charset=utf-8")


def render(visitor: Visitor, name: str, content: Mapping[str, object]) -> str:
    """Return the text of a template: a page, or the part of one that changes by itself."""
    text = _templates().get_template(f"{name}.html").render(**content, person=visitor.caller, form_key=visitor.form_key)
    return _LOCAL_ADDRESS.sub(rf"\g<0>{visitor.prefix}", text) if visitor.prefix else text


def see_other(address: str) -> Response:
    """Return the reply that sends a browser on after a form, to be fetched with GET."""
    return RedirectResponse(address, SEE_OTHER, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(HERE / "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    environment.filters["own_tags"] = _own_tags
    environment.filters["home_address"] = home_address
    environment.filters["author"] = _author
    environment.filters["iso"] = _iso
    environment.filters["iso_moment"] = _iso_moment
    environment.filters["coloured"] = coloured
    environment.filters["plain"] = plain
    environment.filters["duration"] = _duration
    environment.filters["period"] = _period
    environment.filters["code"] = _code
    return environment


def _own_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that people set, without those that clients set on every update."""
    return {name: value for name, value in tags.items() if not name.startswith(_CLIENT_TAGS)}


def _moment(millis: int) -> Markup:
    return _time(from_millis(millis))


def _iso(millis: int) -> str:
    return f"{from_millis(millis):%Y-%m-%dT%H:%M:%SZ}"


def _iso_moment(text: str) -> Markup | str:
    """Return a time that stands in a state, or its text where that is no time."""
    try:
        return _time(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        return text


def _time(moment: datetime) -> Markup:
    return Markup('<time datetime="{}">{} {}</time>').format(
        f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        moment.day,
        f"{moment:%b %Y, %H:%M} UTC",
    )


def _code(text: str) -> Markup:
    """Return a text whose parts between backticks are commands."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts))


def _author(entry: HistoryEntry) -> str:
    """Return who started an update."""
    return entry.author_login or "Someone who has left"


def _duration(millis: int) -> str:
    """Return a duration as people write it, as the script of the pages does."""
    seconds = max(0, millis // 1000)
    if seconds < 60:
        return f"{seconds}s"
    return f"{seconds // 60}m {seconds % 60:02}s" if seconds < 3600 else f"{seconds // 3600}h {seconds // 60 % 60:02}m"


def _period(seconds: int) -> str:
    """Return how often something happens, in its largest whole unit: 6 hours, 1 minute, 90 seconds."""
    size, unit = next((size, unit) for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")) if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _headers(visitor: Visitor, form_targets: str) -> dict[str, str]:
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {form_targets}".rstrip()
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        # With `no-referrer` browsers hide the origin of our own forms too (Fetch standard, "append a request Origin header").
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if visitor.is_lasting_name:
        headers["Strict-Transport-Security"] = f"max-age={_HALF_A_YEAR_SECONDS}"
    return headers
