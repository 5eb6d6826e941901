"""`pulumi login` through a browser (state.md 2.4): a person confirms, and the command line on their computer gets a token.

The command line listens on a port of its own and waits for the browser to bring the token with the nonce that it gave. The
port is the only thing of its address that is taken from outside, and it is a number: nothing can lead the token elsewhere.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import BadRequest
from common.people.tokens import lifetimes
from common.people.tokens import service as tokens
from common.people.tokens.model import DESCRIPTION_LIMIT
from functions.http.deps import BackendDep
from functions.pages.rendering import page, see_other
from functions.pages.visitor import Form, FormDep, PersonDep, VisitorDep

router = APIRouter()
_PORT = re.compile(r"[1-9][0-9]{3,4}")
_NONCE = re.compile(r"[0-9a-fA-F]{16,128}")
_PORTS = range(1024, 65536)
_COMMAND_LIMIT = 200
_NO_DESCRIPTION = "pulumi login"


@dataclass(frozen=True, slots=True)
class Listener:
    """The command line that waits: where, for which nonce, and what it says of itself."""

    port: int
    nonce: str = field(repr=False)
    description: str
    command: str

    @property
    def origin(self) -> str:
        """Return where it listens. Always the browser's own computer."""
        return f"http://localhost:{self.port}"

    def address(self, token: str) -> str:
        """Return where the browser brings the token."""
        return f"{self.origin}/?{urlencode({'nonce': self.nonce, 'accessToken': token})}"


async def get_listener(
    port: Annotated[str, Query(alias="cliSessionPort")] = "",
    nonce: Annotated[str, Query(alias="cliSessionNonce")] = "",
    description: Annotated[str, Query(alias="cliSessionDescription")] = "",
    command: Annotated[str, Query(alias="cliCommand")] = "",
) -> Listener:
    """Return the command line that an address names; raises BadRequest."""
    return _listener(port, nonce, description, command)


@router.get("/cli-login")
def ask(
    visitor: VisitorDep, backend: BackendDep, listener: Annotated[Listener, Depends(get_listener)], person: PersonDep
) -> Response:
    """Show who asks for a token and what it can do."""
    days = lifetimes.longest_days(person)
    ends_at = lifetimes.expires(days, backend.clock.now()) * 1000
    # Browsers hold a form's answer to these places too, so the way to the command line has to be named.
    return page(visitor, "cli-login", form_targets=listener.origin, listener=listener, ends_at=ends_at)


@router.post("/cli-login")
def confirm(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Make the token and send the browser to the command line with it."""
    listener = _sent(form)
    return see_other(listener.address(tokens.create_command_line_token(backend, person, listener.description).text))


@router.get("/welcome/cli")
def welcome(visitor: VisitorDep) -> Response:
    """Show what to do next: the command line sends the browser here when it has its token."""
    return page(visitor, "welcome-cli")


def _sent(form: Form) -> Listener:
    names = ("cliSessionPort", "cliSessionNonce", "cliSessionDescription", "cliCommand")
    return _listener(*(form.text(name) for name in names))


def _listener(port: str, nonce: str, description: str, command: str) -> Listener:
    if not _PORT.fullmatch(port) or int(port) not in _PORTS:
        raise BadRequest("the address has no valid port of a command line; run `pulumi login` again")
    if not _NONCE.fullmatch(nonce):
        raise BadRequest("the address has no nonce of a command line; run `pulumi login` again")
    return Listener(int(port), nonce, _line(description, DESCRIPTION_LIMIT) or _NO_DESCRIPTION, _line(command, _COMMAND_LIMIT))


def _line(text: str, limit: int) -> str:
    """Return what can be shown of a text, on one line."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:limit]
