import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from common.telemetry import logs
from common.telemetry.logs import JSONLine, Mask, TextLine
from common.telemetry.requests import Request, working_for

TOKEN = "pul-" + "ab" * 20


def make_record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    """A record of a fixed moment."""
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("stackhold.test", logging.WARNING, "test.py", 1, message, arguments, trace)
    record.created, record.msecs = 1_767_323_045.007, 7
    return record


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    """A record of a fixed moment as one line."""
    return TextLine().format(make_record(message, *arguments, error=error))


class TestTextLine:
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

    def test_names_its_request(self) -> None:
        """A line that a request wrote has the request's id, and the ids of its trace if there is one."""
        with working_for(Request("r1")):
            assert formatted("x").endswith('msg="x" request_id=r1')
        with working_for(Request("r2", "t2", "s2")):
            assert formatted("x").endswith('msg="x" request_id=r2 trace_id=t2 span_id=s2')
        assert "request_id" not in formatted("x")


class TestJSONLine:
    def test_is_one_object(self) -> None:
        """A line is an object of its own, whatever the message and the traceback hold."""
        with working_for(Request("r1", "t1")):
            line = JSONLine().format(make_record('two\n"of" %d', 3, error=ValueError("é\n")))
        parsed = json.loads(line)

        assert 1 == len(line.splitlines())
        assert 'two\n"of" 3' == parsed["message"]
        assert ("warning", "stackhold.test", "r1", "t1") == tuple(
            parsed[key] for key in ("level", "logger", "request_id", "trace_id")
        )
        assert "2026-01-02T03:04:05.007Z" == parsed["time"]
        assert "ValueError: é" in parsed["exception"]

    def test_hides_secrets(self) -> None:
        """Tokens and values of secret settings are hidden in messages and tracebacks."""
        line = JSONLine(Mask(["hush-hush"])).format(make_record("hush-hush, %s", TOKEN, error=ValueError("hush-hush")))

        assert "hush-hush" not in line
        assert TOKEN not in line


class TestMask:
    @pytest.mark.parametrize(
        "text",
        [
            "pul-0123456789",
            "puls-0123456789",
            "update-token abcdefghijklmnopqrstuv",
            "webhook-token abcdefghijklmnopqrstuv",
            "Bearer abcdefghijklmnopqrstuv",
            "https://x.example.com/?a=1&sig=abcdefgh",
            "https://x.example.com/?X-Amz-Signature=abcdefgh",
            "request 1 PUT /api/policy-archives/abcdefgh.0123456789 failed",
        ],
    )
    def test_hides_what_has_the_form_of_a_secret(self, text: str) -> None:
        """Tokens and signatures of links are hidden, whosever they are."""
        assert "***" in Mask()(text)
        assert "abcdefgh" not in Mask()(text)
        assert "0123456789" not in Mask()(text)

    def test_hides_each_line_of_a_key(self) -> None:
        """A secret of several lines is hidden also where a line of it appears alone."""
        mask = Mask(["-----BEGIN KEY-----\nabcdefghij\nklmnopqrst\n", "word"])

        assert "*** word" == mask("klmnopqrst word")


class TestConfigurePlatform:
    @pytest.fixture
    def stream(self) -> Iterator[StringIO]:
        """What a platform's own handler on the root logger has written."""
        stream = StringIO()
        handler = logging.StreamHandler(stream)
        handler.terminator = ""
        handler.setFormatter(logging.Formatter("[%(levelname)s]\t%(message)s\n"))
        root = logging.getLogger()
        others = root.handlers[:]
        root.handlers[:] = [handler]
        yield stream
        root.handlers[:] = others

    def test_keeps_the_lines_of_the_platform(self, stream: StringIO) -> None:
        """With the form `text` a line is the platform's, without secrets and with the id of the request before its end."""
        logs.configure_platform("text", ["hush-hush"])
        with working_for(Request("r1")):
            logging.getLogger("stackhold.test").warning("hush-hush")

        assert "[WARNING]\t*** request_id=r1\n" == stream.getvalue()

    def test_writes_json_and_goes_back(self, stream: StringIO) -> None:
        """With the form `json` a line is an object, also after the settings were read again; `text` brings back the platform's."""
        logs.configure_platform("json")
        logs.configure_platform("json", ["hush-hush"])
        logging.getLogger("stackhold.test").warning("hush-hush")
        logs.configure_platform("text")
        logging.getLogger("stackhold.test").warning("x")
        first, second = stream.getvalue().splitlines()

        assert "***" == json.loads(first)["message"]
        assert "[WARNING]\tx" == second

    def test_leaves_json_of_the_platform_alone(self, stream: StringIO) -> None:
        """Where the platform writes JSON itself, nothing is put behind it."""
        logging.getLogger().handlers[0].setFormatter(logging.Formatter('{"m":"%(message)s"}\n'))
        logs.configure_platform("text")
        with working_for(Request("r1")):
            logging.getLogger("stackhold.test").warning("x")

        assert {"m": "x"} == json.loads(stream.getvalue())
