"""The watch for secrets finds what it is there to find."""

import logging
import secrets

import pytest

from common.backend import Backend
from common.sign_in.accounts import passwords
from tests.factories.settings import with_settings
from tests.secrecy import Watch, leaks


class TestWatch:
    def test_finds_what_is_logged(self, backend: Backend, secrecy: Watch) -> None:
        """A token, a password and a setting are found in a line, in an argument and in a traceback; the finding has none."""
        watch = Watch()
        log = logging.getLogger("stackhold.test")
        with watch.watching():
            token, password = secrets.token_hex(20), "correct horse battery"
            passwords.hash_password(password)
            with_settings(backend, SMTP_PASSWORD="hush-hush-hush")
            log.warning("made pul-%s", token)
            log.info("mail with %r", {"password": "hush-hush-hush"})
            log.error("refused", exc_info=ValueError(password))
        found = watch.found()
        secrecy.said.clear()  # the watch over this test has heard it as well

        assert ["token_hex", "password", "SMTP_PASSWORD"] == [one.partition(":")[0] for one in found]
        assert not any(secret in "".join(found) for secret in (token, password, "hush-hush-hush"))

    def test_finds_nothing_where_nothing_is(self, backend: Backend) -> None:
        """What is only made, or said on purpose where links belong, is no leak."""
        watch = Watch()
        with watch.watching():
            token = secrets.token_urlsafe(24)
            logging.getLogger("stackhold.mail").warning("https://example.com/reset/%s", token)
            logging.getLogger("stackhold.test").warning("all is well")

        assert [] == watch.found()


class TestLeaks:
    @pytest.mark.parametrize("kind", ["pul-", "pulr-", "puls-"])
    def test_finds_tokens_by_their_form(self, kind: str) -> None:
        """Whatever looks like a token is one, whosever it is, and the finding does not repeat it."""
        text = f"GET /x {kind}{'0a' * 20} 200".encode()

        assert [f"{kind}{'0a' * 20}"[:6]] == leaks(text)

    def test_finds_what_the_test_knows(self) -> None:
        """A password has no form, so the test says which it used."""
        assert ["a known secret of 9 characters"] == leaks(b"login as alice with hunter2!!", "hunter2!!")
        assert [] == leaks(b"all is well", "hunter2!!")
