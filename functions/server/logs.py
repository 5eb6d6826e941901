"""The server's log: one line an event on standard error, `key=value` with quoted texts, and never a secret in it."""

import json
import logging
import re
import sys
import time

# Tokens should not reach a log; where a message or an exception carries one all the same, only its kind stays.
_SECRETS = re.compile(r"\bpul-[0-9a-f]{6,}|(?<=token )[\w.~+/=-]{16,}")


class OneLine(logging.Formatter):
    """Formats a record, its traceback included, as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, source and message; a traceback is quoted, so that it stays on the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line = f"at={at} level={record.levelname.lower()} from={record.name} msg={_quoted(record.getMessage())}"
        if record.exc_info:
            line += f" trace={_quoted(self.formatException(record.exc_info))}"
        return line


def configure() -> None:
    """Send everything from warnings up, and this program's own news, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("stackhold").setLevel(logging.INFO)
    # Logs one warning a request that is not HTTP, as port scanners send them; the reply says it already.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _quoted(text: str) -> str:
    return json.dumps(_SECRETS.sub("***", text), ensure_ascii=False)
