"""Renders pages: templates with escaping always on, and the headers that keep scripts and frames out."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse

from functions.pages.visitors import Visitor

HERE = Path(__file__).parent
SEE_OTHER = 303


def page(visitor: Visitor, name: str, *, status: int = 200, form_targets: str = "", **content: object) -> Response:
    """Return a page from a template; `form_targets` are further places that its forms may lead to, as CSP sources.

    Templates know `caller` (or none), `form_key`, `stylesheet` and what is in `content`.
    """
    text = _templates().get_template(f"{name}.html").render(
        caller=visitor.caller, form_key=visitor.form_key, stylesheet=f"/assets/{stylesheet()[0]}.css", **content,
    )  # fmt: skip
    response = Response(text, status, media_type="text/html; charset=utf-8", headers=_headers(form_targets))
    visitor.keep_visit(response)
    return response


def see_other(address: str) -> Response:
    """Return the reply that sends a browser on after a form, to be fetched with GET."""
    return RedirectResponse(address, SEE_OTHER, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@cache
def stylesheet() -> tuple[str, bytes]:
    """Return the hash that names the stylesheet, and its text."""
    text = (HERE / "assets" / "page.css").read_bytes()
    return sha256(text).hexdigest()[:16], text


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, auto_reload=False)


def _headers(form_targets: str) -> dict[str, str]:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {form_targets}".rstrip()
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
