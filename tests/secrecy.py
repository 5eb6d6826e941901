"""Watches every test for secrets that come out: in log lines, in tracebacks, and in the bodies of refusals.

What counts as a secret is recorded where it is created: everything that Python's `secrets` makes (tokens, sessions, links,
states), every password that is hashed, and every setting of the kind `secret`. Server processes are watched by `leaks`.
"""

import logging
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from common.config.setting import Kind
from common.config.settings import SETTINGS, Settings
from common.sign_in.accounts import passwords
from functions.http.middleware import Outgoing

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
        """Notes a secret."""
        if isinstance(text, str) and len(text) >= SHORTEST:
            self.made[text] = kind

    def found(self) -> list[str]:
        """Return the kinds of the secrets that came out, and the beginning of the lines they are in, without the secrets."""
        text = "\n".join(self.said)
        return [f"{kind}: {_around(text, secret)}" for secret, kind in self.made.items() if secret in text]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Records while the test runs."""
        with ExitStack() as stack:
            for patch in (
                self._noting(secrets, "token_hex"),
                self._noting(secrets, "token_urlsafe"),
                self._noting_passwords(),
                self._noting_settings(),
                self._hearing(),
            ):
                stack.enter_context(patch)
            for name, level in LISTENED_TO.items():
                stack.enter_context(_at_level(logging.getLogger(name), level))
            root = logging.getLogger()
            root.addHandler(self)
            stack.callback(root.removeHandler, self)
            yield

    def _noting(self, place: Any, name: str) -> Any:
        made: Callable[..., str] = getattr(place, name)

        def noted(*arguments: Any) -> str:
            text = made(*arguments)
            self.note(name, text)
            return text

        return mock.patch.object(place, name, noted)

    def _noting_passwords(self) -> Any:
        hashed = passwords.hash_password

        def noted(password: str) -> str:
            self.note("password", password)
            return hashed(password)

        return mock.patch.object(passwords, "hash_password", noted)

    def _noting_settings(self) -> Any:
        begin = Settings.__init__

        def noted(settings: Settings, values: Any, *defaults: Any) -> None:
            for name in SECRET_NAMES:
                self.note(name, values.get(name))
            begin(settings, values, *defaults)

        return mock.patch.object(Settings, "__init__", noted)

    def _hearing(self) -> Any:
        send = Outgoing.send

        async def heard(outgoing: Outgoing, message: Any) -> None:
            if message["type"] == "http.response.start":
                outgoing.__dict__["heard"] = message["status"]
            elif outgoing.__dict__.get("heard", 0) >= REFUSED_FROM:
                self.said.append(bytes(message.get("body", b"")).decode("utf-8", "replace"))
            await send(outgoing, message)

        return mock.patch.object(Outgoing, "send", heard)


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
