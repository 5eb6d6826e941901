"""Runs a use case again when another process was faster.

The loop is our own: a library for it (tenacity) takes more code to configure than this file has, and time at every cold start.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from common.db.faults import is_contention

ATTEMPTS = 4
_LONGEST_PAUSE_SECONDS = 0.05
_T = TypeVar("_T")


def retry(
    attempt: Callable[[], _T],
    *,
    when: Callable[[Exception], bool] = is_contention,
    attempts: int = ATTEMPTS,
    failure: Callable[[], Exception] | None = None,
) -> _T:
    """Return what `attempt` returns, which opens a transaction of its own, and run it again after an error that `when` accepts.

    The default is to repeat after Contention only; `is_race` of `common.db.faults` accepts a duplicate row as well. Other errors
    pass. After the last attempt the error passes too, or the one that `failure` returns is raised.
    """
    for attempts_left in reversed(range(attempts)):
        try:
            return attempt()
        except Exception as error:
            if not when(error):
                raise
            if not attempts_left:
                if failure is None:
                    raise
                raise failure() from error
        # Without a pause the same two processes meet again.
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret depends on it
    raise AssertionError
