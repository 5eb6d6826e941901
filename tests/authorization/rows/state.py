"""State. Reading secrets is a permission of its own; an export has them encrypted."""

from common.rights.permissions import Permission
from tests.authorization.needs import LISTED, Row, org, stack
from tests.authorization.requests import STATE, S, row

P = Permission
PROJECT = "/api/projects/{org}/{project}"

ROWS: tuple[Row, ...] = (
    row("GET", f"{S}/export", stack(P.STACK_EXPORT)),
    row("GET", f"{S}/export/{{version}}", stack(P.STACK_EXPORT)),
    row("POST", f"{S}/import", stack(P.STACK_IMPORT), body=STATE),
    row("GET", f"{S}/outputs", stack(P.STACK_READ)),
    row("GET", f"{S}/resources/count", stack(P.STACK_READ)),
    row("GET", f"{S}/resources/latest", stack(P.STACK_READ)),
    row("GET", f"{S}/resources/latest/{{urn:path}}", stack(P.STACK_READ)),
    row("GET", f"{S}/resources/{{version}}", stack(P.STACK_READ)),
    row("GET", f"{S}/resources/{{version}}/{{urn:path}}", stack(P.STACK_READ)),
    row("GET", f"{S}/compare", stack(P.STACK_READ)),
    row("GET", f"{S}/versions/{{reference}}", stack(P.STACK_READ), at={"reference": "latest"}),
    row("POST", f"{S}/versions/{{version}}/restore", stack(P.STACK_IMPORT)),
    row("GET", f"{S}/repair", stack(P.STACK_READ)),
    # The state of the world is sound.
    row("POST", f"{S}/repair", stack(P.STACK_IMPORT), ok=409),
    row("GET", f"{S}/downstreamreferences", stack(P.STACK_READ)),
    row("GET", f"{S}/upstreamreferences", stack(P.STACK_READ)),
    row("POST", f"{S}/encrypt", stack(P.STACK_ENCRYPT), body={"plaintext": "eA=="}),
    row("POST", f"{S}/batch-encrypt", stack(P.STACK_ENCRYPT), body={"plaintexts": ["eA=="]}),
    row("POST", f"{S}/decrypt", stack(P.STACK_DECRYPT), body={"ciphertext": "<ciphertext>"}),
    row("POST", f"{S}/batch-decrypt", stack(P.STACK_DECRYPT), body={"ciphertexts": ["<ciphertext>"]}),
    row("POST", f"{S}/decrypt/log-decryption", stack(P.STACK_DECRYPT), body={"secretName": "x"}),
    row("POST", f"{S}/decrypt/log-batch-decryption", stack(P.STACK_DECRYPT), body={"commandName": "x"}),
    row("POST", f"{PROJECT}/encrypt", LISTED, org(P.PROJECT_ENCRYPT), body={"plaintext": "eA=="}),
    row("POST", f"{PROJECT}/decrypt", LISTED, org(P.PROJECT_DECRYPT), body={"ciphertext": "<project ciphertext>"}),
    row("POST", f"{PROJECT}/batch-decrypt", LISTED, org(P.PROJECT_DECRYPT), body={"ciphertexts": ["<project ciphertext>"]}),
)
