"""Cron expressions of schedules: five fields, in UTC."""

from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from common.core.errors import BadRequest

_FIELDS = 5
_LIMIT = 100
_DAY = timedelta(days=1)


def find_next(expression: str, after: datetime) -> datetime | None:
    """Return the first moment after another one at which an expression is due, or None without one."""
    try:
        return next(CronSim(expression, after), None)
    except CronSimError as error:
        raise BadRequest(f"scheduleCron {expression[:_LIMIT]!a} is not a cron expression: {str(error).lower()}") from None


def require_daily(expression: str, now: datetime) -> None:
    """Raise BadRequest unless a text is a cron expression of five fields that is due some time, at most once a day."""
    if len(expression) > _LIMIT or len(expression.split()) != _FIELDS:
        raise BadRequest(
            f"scheduleCron {expression[:_LIMIT]!a} is not a cron expression: it must have five fields,"
            " minute, hour, day of the month, month and day of the week"
        )
    first = find_next(expression, now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(seconds=1))
    if first is None:
        raise BadRequest(f"scheduleCron {expression!a} is never due")
    second = find_next(expression, first)
    if second is not None and second - first < _DAY:
        raise BadRequest(f"scheduleCron {expression!a} is due more than once a day, which is not possible")
