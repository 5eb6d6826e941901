"""Environments, their revisions, tags and settings; opening them, and documents in a request; the catalogues."""

from common.rights.permissions import ENVIRONMENT_ADMIN, Permission
from tests.authorization.needs import MEMBER, OWN, SIGNED_IN, Row, environment, org
from tests.authorization.requests import row

P = Permission
ROOT, OLD_ROOT = "/api/esc/environments", "/api/preview/environments"
O, OLD_O = f"{ROOT}/{{org}}", f"{OLD_ROOT}/{{org}}"  # noqa: E741 - as upstream's documents abbreviate it
E, OLD_E = f"{O}/{{project}}/{{environment}}", f"{OLD_O}/{{environment}}"
SESSION, OLD_SESSION = {"session_id": "<environment session>"}, {"session_id": "<preview session>"}
SHOWN = {"showSecrets": "true"}
READ, OPEN, VERSION = environment(P.ENVIRONMENT_READ), environment(P.ENVIRONMENT_OPEN), environment(P.ENVIRONMENT_VERSION_READ)


def of_environment(e: str, session: dict[str, str]) -> tuple[Row, ...]:
    """Return the rows that both generations of addresses have."""
    version, tag = f"{e}/versions/{{version}}", f"{e}/versions/tags/{{name}}"
    return (
        row("HEAD", e, READ),
        row("GET", e, READ),
        row("PATCH", e, environment(P.ENVIRONMENT_WRITE), body={"values": {}}),
        row("DELETE", e, environment(P.ENVIRONMENT_DELETE)),
        row("GET", f"{e}/decrypt", OPEN),
        row("GET", f"{e}/metadata", READ),
        row("POST", f"{e}/check", READ),
        row("POST", f"{e}/check", READ, OPEN, query=SHOWN, case="with secrets"),
        row("POST", f"{e}/open", OPEN),
        row("GET", f"{e}/open/{{session_id}}", OPEN, OWN, at=session),
        row("GET", f"{e}/tags", environment(P.ENVIRONMENT_TAG_READ)),
        row("POST", f"{e}/tags", environment(P.ENVIRONMENT_TAG_CREATE), body={"name": "more", "value": "x"}),
        row("GET", f"{e}/tags/{{name}}", environment(P.ENVIRONMENT_TAG_READ)),
        row("PATCH", f"{e}/tags/{{name}}", environment(P.ENVIRONMENT_TAG_UPDATE), body={"newTag": {"value": "y"}}),
        row("DELETE", f"{e}/tags/{{name}}", environment(P.ENVIRONMENT_TAG_DELETE)),
        row("GET", f"{e}/versions", VERSION),
        row("GET", f"{e}/versions/tags", VERSION),
        row("GET", tag, VERSION),
        row("PATCH", tag, environment(P.ENVIRONMENT_VERSION_UPDATE), body={"revision": 2}),
        row("DELETE", tag, environment(P.ENVIRONMENT_VERSION_DELETE)),
        row("GET", version, VERSION),
        row("GET", f"{version}/decrypt", environment(P.ENVIRONMENT_VERSION_OPEN)),
        row("POST", f"{version}/check", VERSION),
        row("POST", f"{version}/open", environment(P.ENVIRONMENT_VERSION_OPEN)),
        row("POST", f"{version}/retract", environment(P.ENVIRONMENT_VERSION_RETRACT), body={}),
        row("GET", f"{version}/tags", VERSION),
        row("GET", f"{version}/referrers", READ),
    )


def of_organization(root: str, o: str) -> tuple[Row, ...]:
    """Return the rows about all environments that both generations of addresses have."""
    return (
        row("GET", root, SIGNED_IN),
        row("GET", o, MEMBER),
        row("GET", f"{o}/tags", org(P.ENVIRONMENT_TAGS_LIST)),
        row("POST", f"{o}/yaml/check", org(P.ENVIRONMENT_YAML_OPEN)),
        row("POST", f"{o}/yaml/open", org(P.ENVIRONMENT_YAML_OPEN)),
        row("GET", f"{o}/yaml/open/{{session_id}}", org(P.ENVIRONMENT_YAML_OPEN), OWN),
    )


TIME = {"scheduleCron": "0 5 * * *"}
SCHEDULE, AT = f"{E}/schedules/{{schedule_id}}", {"schedule_id": "<schedule>"}
SCHEDULES: tuple[Row, ...] = (
    row("GET", f"{E}/schedules", environment(P.ENVIRONMENT_SCHEDULE_READ)),
    row("POST", f"{E}/schedules", environment(P.ENVIRONMENT_SCHEDULE_CREATE), body=TIME),
    row("GET", SCHEDULE, environment(P.ENVIRONMENT_SCHEDULE_READ), at=AT),
    row("PATCH", SCHEDULE, environment(P.ENVIRONMENT_SCHEDULE_UPDATE), at=AT, body=TIME),
    row("POST", SCHEDULE, environment(P.ENVIRONMENT_SCHEDULE_UPDATE), at=AT, body=TIME),
    row("DELETE", SCHEDULE, environment(P.ENVIRONMENT_SCHEDULE_DELETE), at=AT),
    row("POST", f"{SCHEDULE}/pause", environment(P.ENVIRONMENT_SCHEDULE_PAUSE), at=AT),
    row("POST", f"{SCHEDULE}/resume", environment(P.ENVIRONMENT_SCHEDULE_RESUME), at=AT),
    row("GET", f"{SCHEDULE}/history", environment(P.ENVIRONMENT_SCHEDULE_READ), at=AT),
)


ROWS: tuple[Row, ...] = (
    *of_organization(ROOT, O),
    *of_organization(OLD_ROOT, OLD_O),
    *of_environment(E, SESSION),
    *of_environment(OLD_E, OLD_SESSION),
    row("POST", O, org(P.ENVIRONMENT_CREATE), body={"project": "fresh", "name": "fresh"}),
    row("POST", OLD_E, org(P.ENVIRONMENT_CREATE), at={"environment": "fresh"}),
    row("GET", f"{O}/restore", org(P.ENVIRONMENT_LIST_DELETED)),
    row("PUT", f"{O}/restore", org(P.ENVIRONMENT_RESTORE_DELETED), body={"project": "shop", "name": "gone"}),
    row(
        "POST",
        f"{E}/clone",
        environment(P.ENVIRONMENT_CLONE),
        OPEN,
        org(P.ENVIRONMENT_CREATE),
        body={"project": "fresh", "name": "copy"},
    ),
    row(
        "POST",
        f"{E}/clone",
        environment(P.ENVIRONMENT_CLONE),
        OPEN,
        environment(P.ENVIRONMENT_VERSION_OPEN),
        org(P.ENVIRONMENT_CREATE),
        body={"project": "fresh", "name": "copy", "preserveHistory": True},
        case="with the history",
    ),
    row("GET", f"{E}/settings", environment(P.ENVIRONMENT_SETTINGS_READ)),
    row("PATCH", f"{E}/settings", environment(P.ENVIRONMENT_SETTINGS_UPDATE), body={"deletionProtected": True}),
    row(
        "POST",
        f"{E}/ownership",
        environment(P.ENVIRONMENT_ACCESS_UPDATE),
        *map(environment, sorted(ENVIRONMENT_ADMIN)),
        body={"githubLogin": "uma"},
    ),
    row("POST", f"{E}/encrypt-secrets", environment(P.ENVIRONMENT_WRITE), body={"plaintexts": ["eA=="]}),
    row("POST", f"{E}/decrypt-secrets", OPEN, body={"ciphertexts": []}),
    row("POST", f"{E}/rotate", environment(P.ENVIRONMENT_ROTATE), OPEN, body={}, ok=400, case="without rotators"),
    row("GET", f"{E}/rotate/history", environment(P.ENVIRONMENT_ROTATE_HISTORY)),
    row("GET", f"{E}/referrers", READ),
    *SCHEDULES,
    row("POST", f"{E}/versions/tags", environment(P.ENVIRONMENT_VERSION_CREATE), body={"name": "stable"}),
    row(
        "POST",
        f"{OLD_E}/versions/tags/{{name}}",
        environment(P.ENVIRONMENT_VERSION_CREATE),
        body={},
        at={"name": "stable"},
    ),
    row("GET", "/api/esc/providers", SIGNED_IN),
    row("GET", f"{OLD_ROOT}/providers", SIGNED_IN),
    row("GET", "/api/esc/providers/{name}/schema", SIGNED_IN, at={"name": "pulumi-stacks"}),
    row("GET", f"{OLD_ROOT}/providers/{{name}}/schema", SIGNED_IN, at={"name": "pulumi-stacks"}),
    row("GET", "/api/esc/rotators", SIGNED_IN),
    row("GET", "/api/esc/rotators/{name}/schema", SIGNED_IN, at={"name": "none"}, ok=404),
    row("GET", "/api/esc/context/schema", SIGNED_IN),
)
