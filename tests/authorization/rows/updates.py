"""Updates and previews: people start and stop them; a running one shows the lease that it was given at the start.

A user who may read a stack may preview it.
"""

from typing import Any

from common.rights.permissions import Permission
from tests.authorization.needs import KINDS, LEASE, Row, stack
from tests.authorization.requests import OLD, STATE, S, row

P = Permission
U = f"{S}/{{kind}}"
NEW = {"update_id": "<new {kind}>"}
LIVE = {"stack": "{kind}-live", "update_id": "<live {kind}>"}
# What an update's lease may store, by the last part of the address.
CHECKPOINTS: dict[str, Any] = {
    "checkpoint": {"isInvalid": False, **STATE},
    "checkpointverbatim": {"version": 3, "untypedDeployment": STATE, "sequenceNumber": 2},
    "checkpointdelta": {"version": 3, "checkpointHash": "<digest>", "sequenceNumber": 2, "deploymentDelta": []},
}
PROGRAM = {"name": "shop", "runtime": "yaml", "options": {"dryRun": False}, "config": {}, "metadata": {}}
DRY = PROGRAM | {"options": {"dryRun": True}}
START = {"journalVersion": 2}
BEGIN = {"updateKind": "update", "program": PROGRAM, "tags": None, "journalVersion": 2}
EVENT = {"sequence": 1, "timestamp": 1, "stdoutEvent": {"message": "hi", "color": "never"}}

ROWS: tuple[Row, ...] = (
    row("POST", f"{S}/begin-update", stack(P.STACK_WRITE), body=BEGIN),
    row("POST", f"{S}/begin-update", stack(P.STACK_READ), body=BEGIN | {"program": DRY}, case="a dry run"),
    row("POST", U, stack(P.STACK_WRITE), body=PROGRAM),
    row("POST", U, stack(P.STACK_READ), body=DRY, case="a dry run"),
    row("GET", f"{U}/{{update_id}}", stack(P.STACK_READ), at=NEW),
    *(
        row("POST", f"{S}/{kind}/{{update_id}}", stack(P.STACK_WRITE), at={"update_id": f"<new {kind}>"}, body=START)
        for kind in ("update", "refresh", "destroy")
    ),
    row("POST", f"{S}/preview/{{update_id}}", stack(P.STACK_READ), at=OLD, body=START),
    row("GET", f"{U}/{{update_id}}/events", stack(P.STACK_READ), at=LIVE),
    row("POST", f"{U}/{{update_id}}/cancel", stack(P.STACK_CANCEL_UPDATE), at=LIVE),
    row("POST", f"{U}/{{update_id}}/events", LEASE, at=LIVE, body=EVENT),
    row("POST", f"{U}/{{update_id}}/events/batch", LEASE, at=LIVE, body={"events": [EVENT]}),
    row("POST", f"{U}/{{update_id}}/log", LEASE, at=LIVE, body={"kind": "stdout", "fields": {"text": "hi"}}),
    row("POST", f"{U}/{{update_id}}/renew_lease", LEASE, at=LIVE, body={"token": "", "duration": 300}),
    row("POST", f"{U}/{{update_id}}/complete", LEASE, at=LIVE, body={"status": "succeeded"}),
    row("PATCH", f"{U}/{{update_id}}/journalentries", LEASE, at=LIVE, body={"entries": []}),
    # A preview stores events alone.
    *(
        row(
            "PATCH",
            f"{S}/{kind}/{{update_id}}/{call}",
            LEASE,
            at={"stack": f"{kind}-plain", "update_id": f"<plain {kind}>"},
            body=body,
            ok=400 if kind == "preview" else None,
        )
        for kind in KINDS
        for call, body in CHECKPOINTS.items()
    ),
)
