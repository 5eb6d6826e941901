"""DynamoDB tables for audit logs, by the original's schema, and the copying of logs into them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

from common.audit.copies import steps as copies
from common.backend import Backend
from common.outbox import service as outbox
from common.ports.audit_table import AuditTable
from common.ports.aws import Access
from tests.aws.moto_process import REGION, Moto


def schema(name: str) -> dict[str, Any]:
    """Return the parameters that make a table."""
    keys = [{"AttributeName": "org_id", "KeyType": "HASH"}, {"AttributeName": "timestamp_id", "KeyType": "RANGE"}]
    index_keys = [{"AttributeName": "org_user_id", "KeyType": "HASH"}, keys[1]]
    attributes = ("org_id", "timestamp_id", "org_user_id")
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes],
        "KeySchema": keys,
        "GlobalSecondaryIndexes": [
            {"IndexName": "org_user", "KeySchema": index_keys, "Projection": {"ProjectionType": "ALL"}},
        ],
    }


def make_table(moto: Moto, **changes: Any) -> AuditTable:
    """Make a table, perhaps with another schema, and return its driver."""
    name = f"audit-{uuid.uuid4().hex}"
    moto.client("dynamodb").create_table(**{**schema(name), **changes})
    return AuditTable(name, Access(region=REGION))


def items_of(moto: Moto, table: AuditTable) -> list[dict[str, Any]]:
    """Return everything that is in a table."""
    pages = moto.client("dynamodb").get_paginator("scan").paginate(TableName=table.name)
    return [item for page in pages for item in page["Items"]]


def copy_logs(backend: Backend) -> None:
    """Deliver the copies that are due, where a table is set."""
    if backend.audit_table is not None:
        outbox.deliver_due(backend, {copies.TOPIC: copies.deliver})


_ERROR = '{{"__type":"com.amazonaws.dynamodb.v20120810#{}"}}'


class Front:
    """A front of the stand-in that refuses calls: the next ones as too many, or some operations as not allowed."""

    def __init__(self, url: str) -> None:
        self.target = url
        self.url = ""
        self.refusals = 0
        self.forbidden = frozenset[str]()
        # How calls that are forbidden are refused.
        self.code = "AccessDeniedException"


@contextmanager
def refusing(moto: Moto) -> Iterator[Front]:
    """Yield a running front."""
    front = Front(moto.url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            status, content = 400, _ERROR.format("ProvisionedThroughputExceededException").encode()
            if front.refusals:
                front.refusals -= 1
            elif operation in front.forbidden:
                content = _ERROR.format(front.code).encode()
            else:
                with urlopen(Request(front.target, body, dict(self.headers.items()))) as reply:
                    status, content = reply.status, reply.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    front.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
