from datetime import UTC, datetime, timedelta

import pytest

from common.core.errors import BadRequest
from common.people.tokens.model import expiry, outlives, require_description, require_name

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


class TestRequireName:
    @pytest.mark.parametrize("name", ["a", "ci_1", "CI-2", "a" * 40, "_", "0"])
    def test_takes_what_survives_in_an_address(self, name: str) -> None:
        """Letters, digits, hyphens and underscores, up to forty of them."""
        require_name(name)

    @pytest.mark.parametrize("name", ["", "a/b", "a b", "a.1", "ä", "ci\n", "a\x00", "\uff11"])
    def test_refuses_everything_else(self, name: str) -> None:
        """What clients would have to escape, or what only looks like a digit, is refused with upstream's words."""
        with pytest.raises(BadRequest) as caught:
            require_name(name)

        assert "Bad Request: Token name may only contain alphanumeric, hyphens, or underscores" == caught.value.message

    def test_refuses_what_is_too_long(self) -> None:
        """The forty-first character is refused with the length, whatever else is wrong."""
        for name in ("a" * 41, "a/" * 30):
            with pytest.raises(BadRequest) as caught:
                require_name(name)

            assert "Bad Request: Token name may not be longer than 40 characters" == caught.value.message


class TestRequireDescription:
    def test_is_bounded(self) -> None:
        """A description fits its column or is refused before it gets there."""
        require_description("ä" * 1024)
        with pytest.raises(BadRequest):
            require_description("ä" * 1025)


class TestExpiry:
    def test_of_zero_is_never(self) -> None:
        """Zero is upstream's word for a token that does not expire."""
        assert expiry(0, NOW) is None

    def test_is_the_moment_that_was_asked_for(self) -> None:
        """The seconds become a moment, up to two years ahead."""
        assert NOW + timedelta(seconds=1) == expiry(SECONDS + 1, NOW)
        assert NOW + timedelta(days=731) == expiry(SECONDS + 731 * 86_400, NOW)

    @pytest.mark.parametrize("expires", [-1, 1, SECONDS - 1, SECONDS, SECONDS + 733 * 86_400, 10**13, 10**30, -(10**30)])
    def test_is_ahead_and_not_far(self, expires: int) -> None:
        """The past, this very second, milliseconds taken for seconds and numbers beyond any calendar are refused."""
        with pytest.raises(BadRequest):
            expiry(expires, NOW)


class TestOutlives:
    @pytest.mark.parametrize(
        ("expires_at", "days", "expected"),
        [
            (None, 0, False),
            (None, 30, True),
            (NOW + timedelta(days=30), 30, False),
            (NOW + timedelta(days=30, seconds=1), 30, True),
            (NOW + timedelta(days=700), 0, False),
        ],
    )
    def test_counts_from_now(self, expires_at: datetime | None, days: int, *, expected: bool) -> None:
        """A token that never expires outlives every limit, one that ends in time none, and no limit is zero days."""
        assert expected is outlives(expires_at, NOW, days)
