"""Places outside of the installation that organizations export their audit logs to: the port, and what its drivers share.

A key is written again when an export is repeated, with the same content or a longer one. Only an installation that was restored
from a backup has fewer records than it exported, which is why a restore turns exports off.
"""

from typing import Protocol
from urllib.parse import urlsplit

from common.ports.outbound import CallFailed, Outbound, Purpose, Reply

CONTENT_TYPE = "application/gzip"
_SUCCESS = 2


class ArchiveError(Exception):
    """A place refuses an object or does not answer; the text is for the organization's administrators and names no secret."""


class Archive(Protocol):
    """A place that takes objects."""

    def put(self, key: str, content: bytes) -> None:
        """Store an object under a key, in place of one that is there; raises ArchiveError."""
        ...


def upload(outbound: Outbound, url: str, headers: dict[str, str], content: bytes, *, owner: str) -> None:
    """Send an object with a guarded call; raises ArchiveError unless it was stored."""
    try:
        reply = outbound.call("PUT", url, headers=headers, content=content, cuts_off=True, purpose=Purpose.DELIVERY, owner=owner)
    except (CallFailed, ValueError) as error:
        # ValueError: an address that the HTTP library does not take.
        raise ArchiveError(str(error)) from error
    if reply.status // 100 != _SUCCESS:
        raise ArchiveError(f"{urlsplit(url).hostname} answers with status {reply.status}{_code(reply)}")


def _code(reply: Reply) -> str:
    """Return the service's own word for what is wrong, unless the host is one that only the operator's allow-list has."""
    code = reply.headers.get("x-ms-error-code", "") if reply.is_public else ""
    return f" ({code[:60]})" if code else ""
