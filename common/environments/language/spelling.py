"""Suggests names: how far apart two names are, and which is the nearest. Upstream: internal/spell."""

from collections.abc import Iterable

# The comparison takes time by the product of the lengths, for each candidate.
_LENGTH_LIMIT = 64
_CANDIDATES_LIMIT = 500


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the candidate most like a name, unless it differs in half of its bytes; an empty text if no candidate is near."""
    folded = _folded(name)
    if len(folded) > _LENGTH_LIMIT:
        return ""
    best, best_distance = "", (len(folded) + 1) // 2
    for candidate in sorted(candidates)[:_CANDIDATES_LIMIT]:
        other = _folded(candidate)
        if abs(len(other) - len(folded)) >= best_distance:
            continue
        distance = _distance(folded, other)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def by_distance(name: str, candidates: Iterable[str], *, wrap: str = "") -> list[str]:
    """Return candidates, the most alike first. Upstream compares them with quotes around them: `wrap`."""
    folded = _folded(name)[:_LENGTH_LIMIT]
    return sorted(candidates, key=lambda candidate: _distance(folded, _folded(f"{wrap}{candidate}{wrap}")))


def _folded(name: str) -> bytes:
    return name.replace("_", "").lower().encode("utf-8", "surrogateescape")


def _distance(left: bytes, right: bytes) -> int:
    row = list(range(len(right) + 1))
    for i, byte in enumerate(left, 1):
        diagonal, row[0] = i - 1, i
        for j, other in enumerate(right, 1):
            diagonal, row[j] = row[j], min(diagonal + (byte != other), row[j - 1] + 1, row[j] + 1)
    return row[-1]
