"""Webhooks of organizations, of stacks, and of environments by both of their addresses."""

from collections.abc import Callable

from common.rights.permissions import Permission
from tests.authorization.needs import Check, Row, environment, org, stack
from tests.authorization.requests import O, S, row
from tests.authorization.rows.environments import OLD_E, E

P = Permission
# A call of this address fails at once.
BODY = {"displayName": "Announce", "payloadUrl": "https://127.0.0.1:9/x", "active": True}


def _rows(base: str, need: Callable[[Permission], Check], owner: str, delivery: str = "") -> tuple[Row, ...]:
    read, create, update, delete = (P(f"{owner}_webhook:{verb}") for verb in ("read", "create", "update", "delete"))
    hook = f"{base}/hooks/{{hook}}"
    return (
        row("GET", f"{base}/hooks", need(read)),
        row("POST", f"{base}/hooks", need(create), body={**BODY, "name": "fresh"}),
        row("GET", hook, need(read)),
        row("PATCH", hook, need(update), body=BODY),
        row("DELETE", hook, need(delete)),
        row("POST", f"{hook}/ping", need(update)),
        row("GET", f"{hook}/deliveries", need(read)),
        row("POST", f"{hook}/deliveries/{{event}}/redeliver", need(update), at={"event": f"<delivery of {delivery or owner}>"}),
    )


ROWS: tuple[Row, ...] = (
    *_rows(O, org, "organization"),
    *_rows(S, stack, "stack"),
    *_rows(E, environment, "environment"),
    *_rows(OLD_E, environment, "environment", "preview"),
)
