"""Texts of clients on every page of a stack are text: no element and no attribute comes from them."""

import re
from html.parser import HTMLParser

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.stacks import make_stack
from tests.pages.environment_pages import make_change_request, make_full_environment
from tests.pages.org_pages import make_full_organization
from tests.pages.payloads import PAYLOADS
from tests.pages.stack_pages import make_full_stack
from tests.pages.test_every_page import AT, OF_ENVIRONMENTS, OF_ORGANIZATIONS
from tests.pages.test_stacks import PAGES
from tests.pages.visiting import Visit
from tests.stacks.engine.builders import urn

SHOWN = [address for address in (*PAGES, "/acme/stacks", "/acme/stacks?q=x") if not address.endswith("/state")]


class Elements(HTMLParser):
    """Collects what could run: scripts, attributes of events and of htmx, and links that are no web addresses."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        if tag in ("iframe", "object", "embed", "svg", "style", "base", "audio", "video", "math", "template"):
            self.found.append(tag)
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name.startswith(("on", "hx-on")) or address.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{tag} {name}={value}")
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/assets/"):
            self.found.append("script")


def dangers(text: str) -> list[str]:
    """What could run on a page, without the logo."""
    parser = Elements()
    parser.feed(text)
    return [item for item in parser.found if item != "svg"] + ["svg"] * (parser.found.count("svg") - 1)


def test_corpus_is_large() -> None:
    """There are at least a hundred ways in."""
    assert len(PAYLOADS) >= 100


@pytest.mark.dialects("sqlite")
@pytest.mark.parametrize("address", SHOWN)
def test_texts_are_text(backend: Backend, admin: Caller, member: Visit, address: str) -> None:
    """Every payload at once, in names of outputs, values, logs, messages, the readme, tags, configuration and resources."""
    make_full_stack(backend, admin, "\n".join(PAYLOADS))
    page = member.open(address.replace(urn("a"), urn("b")))

    assert 200 == page.status_code
    assert [] == dangers(page.text)


@pytest.mark.dialects("sqlite")
@pytest.mark.parametrize(
    "path", [path for method, path in OF_ORGANIZATIONS if method == "GET" and not path.endswith(("/export", "{download}"))]
)
def test_texts_of_an_organization_are_text(backend: Backend, admin: Caller, member: Visit, path: str) -> None:
    """Every payload, in names, descriptions, rules and addresses, on every page about an organization, and in its filters."""
    stack = make_stack(backend, admin)
    payload = "\n".join(PAYLOADS)
    at = {"org": "acme", **make_full_organization(backend, admin, stack, payload)}
    filters = dict.fromkeys(("q", "role", "state", "user", "event", "since", "until", "format"), payload)
    filters |= dict.fromkeys(("pack", "policy", "severity", "assignee", "sort", "by"), payload[:200])
    page = member.open(re.sub(r"\{(\w+)\}", lambda name: at[name[1]], path), **filters)

    assert 200 == page.status_code
    assert [] == dangers(page.text)


@pytest.mark.dialects("sqlite")
@pytest.mark.parametrize(
    "path", [path for method, path in OF_ENVIRONMENTS if method == "GET" and not path.endswith("/completions")]
)
def test_texts_of_an_environment_are_text(backend: Backend, admin: Caller, member: Visit, path: str) -> None:
    """Every payload, in names, values, comments and tags, on every page about an environment, and in the filters of the list."""
    payload = "\n".join(PAYLOADS)
    make_full_environment(backend, admin, payload)
    at = {**AT, **make_change_request(backend, admin, payload)}
    filters = dict.fromkeys(("show", "kind", "by"), payload[:200])
    page = member.open(re.sub(r"\{(\w+)\}", lambda name: at[name[1]], path), **filters)

    assert 200 == page.status_code
    assert [] == dangers(page.text)
    assert [] == dangers(member.open("/acme/esc", q=payload, project=payload, tag=payload).text)


def test_finds_what_would_run() -> None:
    """The check itself sees a payload that is not escaped."""
    unseen = [payload for payload in PAYLOADS[:30] if not dangers(f"<svg></svg>{payload}")]

    assert len(unseen) <= 4, unseen
