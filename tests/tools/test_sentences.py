"""The list of what people read has all kinds of it."""

from collections import Counter

from tools.sentences import sentences


class TestSentences:
    def test_has_every_kind(self) -> None:
        """Errors, other texts, log lines, pages, help, and what settings are for are all in the list, each with its place."""
        listed = tuple(sentences())
        kinds = Counter(sentence.kind for sentence in listed)

        assert {"error", "help", "log", "page", "setting", "text"} <= set(kinds)
        assert min(kinds["error"], kinds["page"], kinds["setting"]) > 50
        assert all(sentence.text and sentence.line > 0 for sentence in listed)

    def test_shows_what_is_filled_in_by_name(self) -> None:
        """A value in a message stands there as the code names it, so that the sentence can be read as a whole."""
        assert any("User {login[:100]} not found" in sentence.text for sentence in sentences())
