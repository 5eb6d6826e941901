import pytest

from common.stacks.updates.model import Completion, negotiated_journal


class TestNegotiatedJournal:
    @pytest.mark.parametrize(("offered", "answered"), [(-5, 0), (0, 0), (1, 1), (2, 2), (3, 2)])
    def test_is_the_lower_of_both(self, offered: int, answered: int) -> None:
        """An offer is never answered with more, since clients take other answers for none."""
        assert answered == negotiated_journal(offered)


class TestCompletion:
    @pytest.mark.parametrize("how", list(Completion))
    def test_has_an_outcome(self, how: Completion) -> None:
        """Whatever a client may say can be recorded."""
        assert ("succeeded" if how is Completion.SUCCEEDED else "failed") == how.outcome.value
