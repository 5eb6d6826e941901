"""Durations as Go's own parser reads them."""

import pytest

from common.core.durations import find_nanoseconds, find_seconds, is_duration


class TestIsDuration:
    @pytest.mark.parametrize(
        "text", ["0", "1h", "1h30m", "1.5h", ".5s", "1.s", "+2m", "300ms", "5µs", "5μs", "5us", "1h1h", "9223372036854775807ns"]
    )
    def test_takes_what_go_reads(self, text: str) -> None:
        """A duration is a run of numbers with units, as Go's own parser takes it."""
        assert is_duration(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1",
            "h",
            "1h30",
            "1 h",
            "-1h",
            "1d",
            "1H",
            ".",
            ".s",
            "1..5s",
            "1e3s",
            "\uff11h",
            "1h\n",
            "9223372036854775808ns",
            "2562048h",
            "1s" * 21,
        ],
    )
    def test_refuses_all_else(self, text: str) -> None:
        """What Go cannot read, a negative one, one beyond Go's range and one that is too long to keep are none."""
        assert not is_duration(text)


class TestLength:
    @pytest.mark.parametrize(
        ("text", "nanoseconds"),
        [("0", 0), ("1ns", 1), ("1.5us", 1_500), ("1h1m1s", 3_661 * 10**9), (".5s", 5 * 10**8), ("-1s", None), ("1 h", None)],
    )
    def test_is_the_sum_of_the_parts(self, text: str, nanoseconds: int | None) -> None:
        """Each part counts in its own unit."""
        assert nanoseconds == find_nanoseconds(text)

    def test_in_seconds_drops_the_rest(self) -> None:
        """A session that lasts 1.9 seconds is counted as one second."""
        assert (1, None) == (find_seconds("1900ms"), find_seconds("soon"))
