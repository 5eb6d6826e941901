"""Records sign-ins with a wrong password in the audit logs of the account's organizations.

The request queues a message whether the account exists or not, so that its time tells nothing about accounts. The outbox looks
for the account. The rate limits of sign-in bound how many messages there are.
"""

import json

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage
from common.sign_in.accounts.repository import accounts

TOPIC = "failed-sign-in"


def queue(backend: Backend, name: str, client: str, *, by_address: bool) -> None:
    """Queue a failed sign-in with an address or a login, from a network address."""
    # No permission check in this module: nothing is read for the client.
    content = json.dumps({"name": name, "client": client, "byAddress": by_address})

    def add() -> None:
        with backend.db.begin() as tx:
            outbox.queue(tx, backend, [NewMessage(TOPIC, "audit", "audit", content)])

    retry(add)


def deliver(backend: Backend, message: Message) -> None:
    """Record a failed sign-in in the logs of the organizations of each account with the name."""
    content = json.loads(message.content)
    with backend.db.connect() as connection:
        find = accounts.find_by_address if content["byAddress"] else accounts.find_by_login
        user_ids = [account.user_id for account in find(connection, content["name"])]

    def record() -> None:
        with backend.db.begin() as tx:
            for user_id in user_ids:
                description = "A sign-in with a wrong password was refused"
                audit.record_for_user(
                    tx, backend, user_id, Event.USER_LOGIN_FAILED, description=description, client=content["client"]
                )

    retry(record)
