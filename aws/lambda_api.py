"""The API on AWS Lambda, behind an API Gateway of either kind: `handler`.

What needs no answer from anywhere is done while the environment starts, which costs the caller less. Where the platform
keeps a snapshot of the started process, everything that other starts leave for later is loaded before it is taken.
"""

import logging
import os
import random
from typing import Any

from mangum import Mangum

from aws.environment import environment, has_secrets
from aws.gateway import CARRIER, REQUEST_WORDS, V1, V2, is_too_large
from functions.hosts.function_host import FunctionHost
from functions.http.size_limits import Bounded, refusal

SNAPSHOT = "snap-start"
_LOADED_AHEAD = {SNAPSHOT, "provisioned-concurrency"}

logging.getLogger("mangum").setLevel(logging.WARNING)
logging.getLogger("stackhold").setLevel(logging.INFO)

host = FunctionHost(environment, rereads=has_secrets(), freezes=True)
_HANDLERS: list[Any] = [V2, V1]
_serve = Mangum(Bounded(host, CARRIER), lifespan="off", custom_handlers=_HANDLERS)
_refuse = Mangum(refusal(CARRIER, REQUEST_WORDS), lifespan="off", custom_handlers=_HANDLERS)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - the runtime's object
    """Serve one request."""
    return _refuse(event, context) if is_too_large(event) else _serve(event, context)


def _start(kind: str) -> None:
    if kind in _LOADED_AHEAD:
        host.load()
    else:
        host.open()
    if kind == SNAPSHOT:
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - part of the runtime, where snapshots are

        register_after_restore(_after_restore)


def _after_restore() -> None:
    """Make what copies of one snapshot must not share, and forget how old the settings in it are."""
    random.seed()
    host.renew()


_start(os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""))
