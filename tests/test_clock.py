"""The time in signed tokens."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.core.clock import clock_problem

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class TestClockProblem:
    @pytest.mark.parametrize(
        ("claims", "words"),
        [
            ({"iat": 60, "exp": 600}, ""),
            ({"iat": 61, "exp": 600}, "it was issued 61 seconds ahead of this server's clock"),
            ({"nbf": 3600, "exp": 9000}, "3600 seconds ahead"),
            ({"exp": -59}, ""),
            ({"exp": -60}, "it has expired, 60 seconds ago"),
            ({"exp": -7200}, "7200 seconds ago by this server's clock, which says 2026-01-02T03:04:05Z"),
            ({"exp": "soon"}, ""),
            ({}, ""),
        ],
    )
    def test_says_which_clock_and_by_how_much(self, claims: dict[str, Any], words: str) -> None:
        """A signed token from another time tells how far the two clocks are apart."""
        seconds = int(NOW.timestamp())
        sent = {name: seconds + value if isinstance(value, int) else value for name, value in claims.items()}
        found = clock_problem(sent, NOW, 60)

        assert (words in found) if words else found == ""
