"""The page of messages that were given up."""

import pytest

from common.backend import Backend
from common.outbox.model import NotDelivered
from tests.counting import Counter
from tests.factories.messages import Receiver, deliver_messages, queue_messages
from tests.factories.people import make_user
from tests.pages.payloads import PAYLOADS
from tests.pages.test_hostile import dangers
from tests.pages.visiting import Visit, location, shown, values

PAGE, RETRY = "/admin/messages", "/admin/messages/retry"


def give_up(backend: Backend, problem: str = "the receiver refuses", number: int = 1) -> Receiver:
    """Return a receiver that refused messages for good, and takes what comes now."""
    receiver = Receiver()
    receiver.failure = NotDelivered(problem, is_final=True)
    queue_messages(backend, *["text"] * number)
    deliver_messages(backend, receiver)
    receiver.failure = None
    receiver.take()
    return receiver


class TestMessages:
    def test_are_retried(self, backend: Backend, member: Visit) -> None:
        """An administrator sees what was given up and why, and has it delivered after all."""
        receiver = give_up(backend)
        page = member.get(PAGE)
        sent = member.send(RETRY, on=PAGE, number=next(values(page, r'name="number" value="([0-9]+)"')))
        deliver_messages(backend, receiver)

        assert "The receiver refuses" in shown(page)
        assert "after 1 attempt" in shown(page)
        assert (f"{PAGE}?done=retry", ["text"]) == (location(sent), receiver.take())
        assert "No message was given up." in shown(member.get(PAGE))

    @pytest.mark.parametrize("number", ["", "x", "7", "-1", "²", "9" * 30])
    def test_of_an_unknown_number(self, member: Visit, number: str) -> None:
        """A form that names no message is answered as not found."""
        assert 404 == member.send(RETRY, on=PAGE, number=number).status_code

    def test_are_for_administrators(self, backend: Backend, visit: Visit) -> None:
        """No one else sees them or retries one; strangers sign in first."""
        alice = Visit(backend)
        alice.sign_in(make_user(backend, "alice"))

        assert 403 == alice.get(PAGE).status_code
        assert 403 == alice.send(RETRY, on="/settings/account", number="1").status_code
        assert location(visit.get(PAGE)).startswith("/signin?return_to=")

    def test_are_paged(self, backend: Backend, member: Visit) -> None:
        """A long list comes in pages."""
        give_up(backend, number=51)
        first = member.get(PAGE)
        older = member.get(next(values(first, r'href="(/admin/messages\?after=[^"]*)"')))

        assert (50, 1) == (first.text.count("The receiver refuses"), older.text.count("The receiver refuses"))

    def test_cost_two_statements(self, backend: Backend, member: Visit, counter: Counter) -> None:
        """The session and the messages are a statement each."""
        give_up(backend)
        member.get(PAGE)
        counter.reset()
        member.get(PAGE)

        assert 2 == counter.statements

    def test_show_texts_as_text(self, backend: Backend, member: Visit) -> None:
        """A problem with every payload of the corpus is shown as text."""
        for payload in PAYLOADS:
            give_up(backend, payload)
        page = member.get(PAGE)

        assert 200 == page.status_code
        assert [] == dangers(page.text)
