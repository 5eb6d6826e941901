"""What a start prints on standard output: how the first user signs in."""

import sys

from common.backend import Backend
from common.config.public_urls import base_path, base_url
from common.config.settings import Settings
from common.installation.bootstrap import ADMIN_LOGIN
from common.sign_in.accounts.service import sign_in_links
from functions.server.startup import SignIn

_RULE = "-" * 72
_BLOCK = """\
{rule}
Stackhold runs at {address}

Open this link to sign in as {login}. It works once, within an hour:

  {link}

{terminal}
{rule}
"""
_COMMAND = """\
Or sign in from a terminal. This token is shown once:

  {command}"""


def print_welcome(backend: Backend, sign_in: SignIn, url: str) -> None:
    """Print how to sign in: the first time, and as long as no one has signed in.

    A terminal gets a block with a link for the browser. Elsewhere standard output is often kept as a log, so it gets the one line
    with the command, the first time alone, and no link.
    """
    sys.stdout.write(_welcome(backend, sign_in, url, is_terminal=sys.stdout.isatty()))
    sys.stdout.flush()


def link_address(settings: Settings, url: str, link: str) -> str:
    """Return the address that signs in with a link; `url` is where the server answers on this machine."""
    is_named = settings.api_domain or settings.console_domain
    pages = base_url(settings) if is_named else url + base_path(settings)
    return f"{pages}/signin/link?token={link}"


def _welcome(backend: Backend, sign_in: SignIn, url: str, *, is_terminal: bool) -> str:
    command = f"PULUMI_ACCESS_TOKEN={sign_in.new_token} pulumi login {url}" if sign_in.new_token else ""
    kept = f"The administrator's access token is in {sign_in.kept_in}." if sign_in.kept_in else ""
    link = sign_in_links.create_first_link(backend, ADMIN_LOGIN) if is_terminal else None
    if link is None:
        return f"{command or kept}\n" if command or kept else ""
    return _BLOCK.format(
        rule=_RULE,
        address=url,
        login=ADMIN_LOGIN,
        link=link_address(backend.settings, url, link),
        terminal=_COMMAND.format(command=command) if command else kept,
    )
