"""Passwords and their hashes."""

import time

import pytest

from common.core.errors import BadRequest
from common.sign_in.accounts import passwords


class TestHashed:
    def test_is_argon2id_with_a_salt(self) -> None:
        """A hash names its algorithm and parameters, differs each time, and does not have the password in it."""
        first, second = passwords.hash_password("correct horse"), passwords.hash_password("correct horse")

        assert first.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
        assert first != second
        assert "correct" not in first
        assert len(first) <= 255

    def test_is_affordable(self) -> None:
        """A hash takes enough to slow guessing down, and little enough for a small function."""
        passwords.hash_password("warm up")
        began = time.process_time()
        passwords.hash_password("correct horse")

        assert 0.01 < time.process_time() - began < 0.5


class TestFindMatch:
    def test_finds_the_one(self) -> None:
        """The place of the hash that the password made is told, and none for any other."""
        hashes = [passwords.hash_password("first word"), passwords.hash_password("second word")]

        assert [0, 1, None] == [passwords.find_match(hashes, word, 2) for word in ("first word", "second word", "third word")]

    @pytest.mark.parametrize("stored", ["", "x", "$2b$12$abc"])
    def test_takes_rubbish_for_no_match(self, stored: str) -> None:
        """What is no hash matches nothing."""
        assert passwords.find_match([stored], "first word", 1) is None

    @pytest.mark.parametrize("word", ["", "nobody's password", "x" * 1025, "\ud800"])
    def test_nobody_has_no_password(self, word: str) -> None:
        """The placeholder for an account that does not exist never matches."""
        assert passwords.find_match([], word, 2) is None


class TestRequireFit:
    @pytest.mark.parametrize("good", ["8 chars!", "x" * 1024, "пароль-пароль", "        "])
    def test_takes_8_to_1024_characters(self, good: str) -> None:
        """Any characters will do."""
        passwords.require_allowed(good, "alice", "alice@example.com")

    @pytest.mark.parametrize("bad", ["", "7 chars", "x" * 1025, "Alice-of-acme", " alice@example.com", "surrogate \ud800"])
    def test_refuses_others(self, bad: str) -> None:
        """Too short, too long, one's own name, and what is no text."""
        with pytest.raises(BadRequest):
            passwords.require_allowed(bad, "alice-of-acme", "alice@example.com")
