import logging

from functions.server.logs import OneLine

TOKEN = "pul-" + "ab" * 20


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    """A record of a fixed moment as one line."""
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("stackhold.test", logging.WARNING, "test.py", 1, message, arguments, trace)
    record.created, record.msecs = 1_767_323_045.007, 7
    return OneLine().format(record)


class TestOneLine:
    def test_has_time_level_source_and_message(self) -> None:
        """A line can be read by people and split by programs."""
        assert 'at=2026-01-02T03:04:05.007Z level=warning from=stackhold.test msg="two of 3"' == formatted("two of %d", 3)

    def test_stays_one_line_whatever_is_in_it(self) -> None:
        """Neither a message nor a traceback can begin a line of its own."""
        try:
            int("first\nsecond")
        except ValueError as error:
            line = formatted('a "b"\nat=forged', error=error)

        assert 1 == len(line.splitlines())
        assert r'msg="a \"b\"\nat=forged" trace="Traceback' in line

    def test_hides_tokens(self) -> None:
        """A token that strays into a message or an exception does not reach the log."""
        line = formatted("refused: token %s, %s", "eyJhbGciOiJIUzI1NiJ9.payload", TOKEN, error=ValueError(TOKEN))

        assert TOKEN[4:] not in line
        assert "payload" not in line
