"""Mails to the owner of a stack about the end of an update."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.mailing import service as mailing
from common.people.orgs.members import service as members
from common.ports.mail import Mail, Mailer
from common.rights.caller import Caller
from common.stacks.model import StackPath, UpdateMails
from common.stacks.service import lifecycle, notifications, ownership
from common.stacks.updates.model import Completion
from functions.jobs import write_mail
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.sign_in import Mailbox
from tests.factories.stacks import complete, make_running, make_stack
from tests.wire import begin, create_stack

DEV = StackPath("acme", "shop", "dev")
SETTINGS = "/api/stacks/acme/shop/dev/notifications/settings"
FAILURES, SUCCESSES = UpdateMails(on_failure=True), UpdateMails(on_success=True)


@pytest.fixture
def alice(backend: Backend, admin: Caller) -> Caller:
    """A member who owns the stack."""
    caller = caller_of(backend, make_user(backend, "alice", org=admin.memberships[0].login))
    make_stack(backend, caller)
    return caller


def run(backend: Backend, caller: Caller, how: Completion, *, dry_run: bool = False) -> None:
    """Run an update of the stack."""
    complete(backend, make_running(backend, caller, DEV, dry_run=dry_run), how)


def delivered(backend: Backend) -> list[Mail]:
    """Send what is due, and return what came."""
    box = Mailbox()
    while mailing.send_one(replace(backend, mailer=Mailer(box, is_real=True)), write_mail):
        pass
    return box.take()


def test_a_stack_sends_no_mail_at_first(backend: Backend, admin: Caller, alice: Caller) -> None:
    """Mails are off until they are turned on."""
    run(backend, admin, Completion.FAILED)

    assert UpdateMails() == notifications.get_metadata(backend, alice, DEV).mails
    assert [] == delivered(backend)


def test_the_owner_gets_a_mail_of_a_failure(backend: Backend, admin: Caller, alice: Caller) -> None:
    """The mail names the stack, the version, who started the update and how it ended, with a link to its page."""
    notifications.update_settings(backend, alice, DEV, FAILURES)
    run(backend, admin, Completion.SUCCEEDED)
    run(backend, admin, Completion.FAILED)
    (mail,) = delivered(backend)

    assert ("alice@example.com", "Update 2 of acme/shop/dev failed") == (mail.to, mail.subject)
    assert "Update 2 of the stack acme/shop/dev, which admin started, failed." in mail.body
    assert "\nhttp://127.0.0.1:8080/acme/shop/dev/updates/2\n" in mail.body


def test_the_owner_gets_a_mail_of_a_success(backend: Backend, admin: Caller, alice: Caller) -> None:
    """Successes have a switch of their own; a preview sends no mail."""
    notifications.update_settings(backend, alice, DEV, SUCCESSES)
    run(backend, admin, Completion.SUCCEEDED, dry_run=True)
    run(backend, admin, Completion.FAILED)
    run(backend, admin, Completion.SUCCEEDED)

    assert ["Update 2 of acme/shop/dev succeeded"] == [mail.subject for mail in delivered(backend)]


def test_a_mail_is_dropped_when_its_reader_may_no_longer_read(backend: Backend, admin: Caller, alice: Caller) -> None:
    """An owner who is suspended in the organization, or is the owner no longer, gets no mail that was queued before."""
    notifications.update_settings(backend, alice, DEV, FAILURES)
    run(backend, admin, Completion.FAILED)
    ownership.update_owner(backend, admin, DEV, "admin")
    former_owner = delivered(backend)
    ownership.update_owner(backend, admin, DEV, "alice")
    run(backend, admin, Completion.FAILED)
    members.set_suspended(backend, admin, "acme", "alice", suspended=True)

    assert ([], []) == (former_owner, delivered(backend))


def test_a_mail_is_dropped_with_its_stack(backend: Backend, admin: Caller, alice: Caller) -> None:
    """A stack that was deleted sends no mail that was queued before."""
    notifications.update_settings(backend, alice, DEV, FAILURES)
    run(backend, admin, Completion.FAILED)
    lifecycle.delete(backend, admin, DEV, force=True)

    assert [] == delivered(backend)


def test_settings_over_the_wire(client: TestClient) -> None:
    """Both switches are set at once, and the reply is the stack's metadata."""
    stack = create_stack(client)
    changed = client.patch(SETTINGS, json={"notifyUpdateFailure": True, "notifyUpdateSuccess": False}).json()

    assert {"notifyUpdateFailure": True, "notifyUpdateSuccess": False} == changed["notificationSettings"]
    assert changed == client.get(f"{stack}/metadata").json()
    assert 400 == client.patch(SETTINGS, json={"notifyUpdateFailure": True}).status_code


def test_a_mail_costs_one_statement(client: TestClient, counter: Counter) -> None:
    """The end of an update costs one statement more with a mail, and none without."""
    stack = create_stack(client)
    costs = []
    for is_on in (False, True):
        client.patch(SETTINGS, json={"notifyUpdateFailure": False, "notifyUpdateSuccess": is_on})
        update = begin(client, stack)
        counter.reset()
        update.complete()
        costs.append(counter.cost[0])

    assert costs[1] <= costs[0] + 1
