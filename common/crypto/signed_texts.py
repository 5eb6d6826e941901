"""Texts that carry their content and a signature: base64url, a period, base64url (decision 0012)."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode


def sign(key: bytes, content: bytes) -> str:
    """Return a text that holds the content and its signature."""
    return f"{_text(content)}.{_signature(key, content)}"


def read(key: bytes, signed: str) -> bytes | None:
    """Return the content of a text that was signed with the key, or None for any other text."""
    text, _, signature = signed.partition(".")
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    is_signed = hmac.compare_digest(_signature(key, content).encode(), signature.encode("utf-8", "replace"))
    # The decoder skips characters of no meaning, so one content has many spellings; only ours counts.
    return content if is_signed and _text(content) == text else None


def _signature(key: bytes, content: bytes) -> str:
    return _text(hmac.digest(key, content, hashlib.sha256))


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
