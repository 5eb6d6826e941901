"""Watches every test for secrets that come out: in log lines, in tracebacks, and in the bodies of refusals.

What counts as a secret is recorded where it is created: everything that Python's `secrets` makes (tokens, sessions, links,
states), every password that is hashed, and every setting of the kind `secret` that a factory gives a backend. Server processes
are watched by `leaks`.
"""

import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from argon2 import PasswordHasher
from httpx2 import Response
from starlette.testclient import TestClient

from common.config.setting import Kind
from common.config.settings import SETTINGS

# Shorter texts are not secrets but words.
SHORTEST = 12
REFUSED_FROM = 400
# Where no mail server is configured, the log is where the operator finds links: the one place that may have them.
TOLD_ON_PURPOSE = "stackhold.mail"
# A server of one's own logs from INFO on; of libraries, those that could repeat an address with a code in it.
LISTENED_TO = {"stackhold": logging.DEBUG, "httpx": logging.INFO, "authlib": logging.DEBUG}
# An access token, a refresh token, a session, or a token of a directory, wherever it stands.
TOKEN = re.compile(rb"pul[a-z]?-[0-9a-f]{40}")
SECRET_NAMES = [setting.name for setting in SETTINGS if setting.kind is Kind.SECRET]
# The watches over the test that runs.
_WATCHES: list["Watch"] = []


class Watch(logging.Handler):
    """What one test has made of secrets, and what it has let others read."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.made: dict[str, str] = {}
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log line with its traceback."""
        if record.name != TOLD_ON_PURPOSE:
            self.said.append(self.format(record))

    def note(self, kind: str, text: object) -> None:
        """Note a secret."""
        if isinstance(text, str) and len(text) >= SHORTEST:
            self.made[text] = kind

    def found(self) -> list[str]:
        """Return the kinds of the secrets that came out, and the beginning of the lines they are in, without the secrets."""
        text = "\n".join(self.said)
        return [f"{kind}: {_around(text, secret)}" for secret, kind in self.made.items() if secret in text]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record while the test runs."""
        with ExitStack() as stack:
            for patch in (
                self._noting("token_hex"),
                self._noting("token_urlsafe"),
                self._noting_passwords(),
                self._hearing_replies(),
            ):
                stack.enter_context(patch)
            _WATCHES.append(self)
            stack.callback(_WATCHES.remove, self)
            for name, level in LISTENED_TO.items():
                stack.enter_context(_at_level(logging.getLogger(name), level))
            root = logging.getLogger()
            root.addHandler(self)
            stack.callback(root.removeHandler, self)
            yield

    def _noting(self, name: str) -> Any:
        create = getattr(secrets, name)

        def noted(*arguments: Any) -> str:
            text: str = create(*arguments)
            self.note(name, text)
            return text

        return mock.patch.object(secrets, name, noted)

    def _noting_passwords(self) -> Any:
        hash_password = PasswordHasher.hash

        def noted(hasher: PasswordHasher, password: str, **options: Any) -> str:
            self.note("password", password)
            return hash_password(hasher, password, **options)

        return mock.patch.object(PasswordHasher, "hash", noted)

    def _hearing_replies(self) -> Any:
        send = TestClient.send

        def heard(client: TestClient, *arguments: Any, **options: Any) -> Response:
            response: Response = send(client, *arguments, **options)
            if response.status_code >= REFUSED_FROM and response.is_closed:
                self.said.append(response.text)
            return response

        return mock.patch.object(TestClient, "send", heard)


def note_settings(values: Mapping[str, str]) -> None:
    """Note the secrets among the settings that a test gives a server."""
    for watch in _WATCHES:
        for name in SECRET_NAMES:
            watch.note(name, values.get(name))


def leaks(log: bytes, *known: str) -> list[str]:
    """Return what a server's log has of tokens, whosever they are, and of secrets that the test knows."""
    texts = {found.group().decode()[:6] for found in TOKEN.finditer(log)}
    return sorted(texts | {f"a known secret of {len(secret)} characters" for secret in known if secret.encode() in log})


@contextmanager
def _at_level(logger: logging.Logger, level: int) -> Iterator[None]:
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _around(text: str, secret: str) -> str:
    place = text.index(secret)
    line = text[text.rfind("\n", 0, place) + 1 : place + len(secret)]
    return line.replace(secret, "<secret>")[-200:]
