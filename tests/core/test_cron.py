"""Cron expressions have five fields, in UTC, and are due at most once a day."""

from datetime import UTC, datetime

import pytest

from common.core import cron
from common.core.errors import BadRequest

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class TestFindNext:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("0 12 * * *", datetime(2026, 3, 2, 12, tzinfo=UTC)),
            ("0 13 * * *", datetime(2026, 3, 1, 13, tzinfo=UTC)),
            ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
            ("5 4 * * MON", datetime(2026, 3, 2, 4, 5, tzinfo=UTC)),
        ],
    )
    def test_is_later(self, expression: str, expected: datetime) -> None:
        """The next moment is after the present one."""
        assert cron.find_next(expression, NOW) == expected


class TestRequireDaily:
    @pytest.mark.parametrize("expression", ["0 0 * * *", "59 23 1 * *", "0 5 * * 1,3", "0 0 1,15 * *"])
    def test_takes_what_is_due_at_most_daily(self, expression: str) -> None:
        """Once a day is often enough."""
        cron.require_daily(expression, NOW)

    @pytest.mark.parametrize(
        ("expression", "reason"),
        [
            ("* * * * *", "more than once a day"),
            ("0 0,23 * * 1", "more than once a day"),
            ("0 0 30 2 *", "not a cron expression|never"),
            ("0 0 0 * * *", "five fields"),
            ("@daily", "five fields"),
            ("x 0 * * *", "not a cron expression"),
            ("0 25 * * *", "not a cron expression"),
            ("0 0 * * 1" + ",1" * 60, "five fields"),
        ],
    )
    def test_refuses_the_others(self, expression: str, reason: str) -> None:
        """The message says what is wrong."""
        with pytest.raises(BadRequest, match=reason):
            cron.require_daily(expression, NOW)
