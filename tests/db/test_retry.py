"""When a use case runs again, and what is raised at the end."""

import pytest

from common.core.errors import Conflict
from common.db.faults import Contention
from common.db.retry import ATTEMPTS, retry


class Attempt:
    """An attempt that raises the errors of a list, one each time, and then returns its number of runs."""

    def __init__(self, *errors: Exception) -> None:
        """Keep the errors in the order they are raised."""
        self.errors = list(errors)
        self.runs = 0

    def __call__(self) -> int:
        """Run once."""
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.runs


class TestRetry:
    def test_returns_what_the_first_success_returns(self) -> None:
        """An attempt that lost to another process runs again, and one that succeeds does not."""
        attempt = Attempt(Contention("lost"), Contention("lost"))

        assert 3 == retry(attempt)
        assert 3 == attempt.runs

    def test_passes_other_errors_on_at_once(self) -> None:
        """An error of the request itself would be the same a second time."""
        attempt = Attempt(Conflict("taken"))

        with pytest.raises(Conflict):
            retry(attempt)
        assert 1 == attempt.runs

    def test_raises_the_last_error_after_the_last_attempt(self) -> None:
        """A row that stays contended ends in the error that says so."""
        attempt = Attempt(*(Contention(f"lost {number}") for number in range(ATTEMPTS)))

        with pytest.raises(Contention, match=f"lost {ATTEMPTS - 1}"):
            retry(attempt)
        assert ATTEMPTS == attempt.runs

    def test_raises_the_error_of_the_caller_after_the_last_attempt(self) -> None:
        """A caller may say what a person can do about it; the cause is kept for the log."""
        attempt = Attempt(Contention("first"), Contention("second"))

        with pytest.raises(Conflict, match="the stack changes too fast") as caught:
            retry(attempt, attempts=2, failure=lambda: Conflict("the stack changes too fast"))
        assert "second" in str(caught.value.__cause__)

    def test_repeats_after_the_errors_that_the_caller_names(self) -> None:
        """A caller decides which errors mean that it must read again."""
        attempt = Attempt(KeyError("gone"))

        assert 2 == retry(attempt, when=lambda error: isinstance(error, KeyError))
