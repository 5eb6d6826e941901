"""Identifiers: made by the application, sortable by the time they were made, safe in a URL.

The layout is UUID version 7 (RFC 9562): rows made later sort later, so an index on the id is also one on arrival.
"""

import os
import time
import uuid


def new_id() -> str:
    """Return a fresh UUID (version 7) in its usual spelling."""
    millis = time.time_ns() // 1_000_000
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Tell whether a path segment can be one of our identifiers at all, so that rubbish costs no query."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
