"""The log: one line an event, as text or as JSON, with the id of its request and never a secret in it."""

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from common.telemetry import requests

TEXT, JSON = "text", "json"
HIDDEN = "***"
# Tokens should not reach a log; where a message or an exception has one all the same, only its kind stays.
_TOKENS = re.compile(
    r"\bpul[a-z]?-[0-9a-f]{6,}|(?<=token )[\w.~+/=-]{16,}|(?<=[Bb]earer )[\w.~+/=-]{16,}|(?<=[?&]sig=)[^&\s\"]+"
    r"|(?<=/policy-archives/)[^?\s\"]+|(?<=X-Amz-Signature=)[^&\s\"]+|(?<=X-Amz-Security-Token=)[^&\s\"]+"
)
# A shorter value of a secret setting is a word that may be part of any message.
_SHORTEST_SECRET = 6


class Mask:
    """Hides secrets in texts: everything in the form of a token, and the values of secret settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the values; each line of one is hidden, since a certificate or key may appear line by line."""
        lines = {line.strip() for secret in secrets for line in secret.splitlines()}
        values = sorted((line for line in lines if len(line) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None

    def __call__(self, text: str) -> str:
        """Return the text with its secrets hidden."""
        text = _TOKENS.sub(HIDDEN, text)
        return self._values.sub(HIDDEN, text) if self._values is not None else text


class TextLine(logging.Formatter):
    """Formats a record, its traceback included, as one line of `key=value`."""

    def __init__(self, mask: Mask | None = None) -> None:
        """Take what hides secrets."""
        super().__init__()
        self._mask = mask or Mask()

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, source, message and request; a traceback is quoted, so that it stays on the line."""
        level = record.levelname.lower()
        line = f"at={_time(record)} level={level} from={record.name} msg={self._quoted(record.getMessage())}"
        line += "".join(f" {name}={value}" for name, value in _ids())
        if record.exc_info:
            line += f" trace={self._quoted(self.formatException(record.exc_info))}"
        return line

    def _quoted(self, text: str) -> str:
        return json.dumps(self._mask(text), ensure_ascii=False)


class JSONLine(logging.Formatter):
    """Formats a record as one JSON object."""

    def __init__(self, mask: Mask | None = None, end: str = "") -> None:
        """Take what hides secrets, and what a handler needs at the end of a line that it does not add itself."""
        super().__init__()
        self._mask, self._end = mask or Mask(), end

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, source, message, request and traceback."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._mask(record.getMessage()),
            **dict(_ids()),
        }
        if record.exc_info:
            line["exception"] = self._mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False) + self._end


class PlatformLine(logging.Formatter):
    """Formats a record as the handler of a platform does, or as JSON, with secrets hidden and the request added."""

    def __init__(self, platform: logging.Formatter | None, mask: Mask, *, is_json: bool) -> None:
        """Take the platform's own formatter, which stays at hand for settings that change."""
        super().__init__()
        self.platform = platform or logging.Formatter()
        # Lambda's handler adds nothing to what it gets; its own formatter ends the line.
        end = "\n" if (self.platform._fmt or "").endswith("\n") else ""  # noqa: SLF001 - there is no other way to know
        self._json = JSONLine(mask, end) if is_json else None
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the platform's line with the ids at its end, or a line of JSON."""
        if self._json is not None:
            return self._json.format(record)
        line = self._mask(self.platform.format(record))
        text = line.rstrip("\n")
        ids = "" if text.startswith("{") else "".join(f" {name}={value}" for name, value in _ids())
        return text + ids + line[len(text) :]


def configure(form: str, secrets: Iterable[str] = ()) -> None:
    """Send everything from warnings up, and this program's own news, to standard error."""
    mask = Mask(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLine(mask) if form == JSON else TextLine(mask))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("stackhold").setLevel(logging.INFO)
    # Logs one warning a request that is not HTTP, as port scanners send them; the reply says it already.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def configure_platform(form: str, secrets: Iterable[str] = ()) -> None:
    """Have a platform's own handlers write lines of this form without secrets."""
    mask = Mask(secrets)
    for handler in logging.getLogger().handlers:
        formatter = handler.formatter
        platform = formatter.platform if isinstance(formatter, PlatformLine) else formatter
        handler.setFormatter(PlatformLine(platform, mask, is_json=form == JSON))


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def _ids() -> Iterator[tuple[str, str]]:
    """Yield the name and value of each id of the current request."""
    request = requests.current()
    if request is not None:
        yield "request_id", request.id
        if request.trace_id:
            yield "trace_id", request.trace_id
        if request.span_id:
            yield "span_id", request.span_id
