"""Durations as Go writes them, `1h30m`; clients send them in this form (time.ParseDuration)."""

import re

DURATION_LIMIT = 40
# Go's time.Duration counts nanoseconds in 63 bits.
_LONGEST_NANOSECONDS = (1 << 63) - 1
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]+)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)|\.([0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"\+?(?:0|(?:{_PART.pattern})+)")


def find_nanoseconds(text: str) -> int | None:
    """Return the length of a duration, or None for a text that is not one, is negative, or is longer than DURATION_LIMIT."""
    if len(text) > DURATION_LIMIT or _DURATION.fullmatch(text) is None:
        return None
    total = sum(_part_nanoseconds(*part) for part in _PART.findall(text))
    return total if total <= _LONGEST_NANOSECONDS else None


def find_seconds(text: str) -> int | None:
    """Return the whole seconds of a duration; None as `find_nanoseconds` does."""
    nanoseconds = find_nanoseconds(text)
    return None if nanoseconds is None else nanoseconds // 10**9


def is_duration(text: str) -> bool:
    """Tell whether a text is a duration that Go reads, short enough to store and not negative."""
    return find_nanoseconds(text) is not None


def _part_nanoseconds(whole: str, fraction: str, unit: str, bare_fraction: str, bare_unit: str) -> int:
    """Return the length of one part of a duration; digits below a nanosecond do not count."""
    digits, size = fraction or bare_fraction, _NANOSECONDS[unit or bare_unit]
    return int(whole or 0) * size + (int(digits) * size // 10 ** len(digits) if digits else 0)
