"""Policy packs and policy groups."""

from common.rights.permissions import Permission
from tests.authorization.needs import LISTED, Row, org
from tests.authorization.requests import O, row
from tests.factories.policies import tag_rule

P = Permission
PACK = f"{O}/policypacks/{{pack}}"
GROUP = f"{O}/policygroups/{{group}}"
DEV = {"name": "dev", "routingProject": "shop"}
VERSIONS = "/api/registry/policypacks/{source}/{org}/{pack}/versions"
ARCHIVE = "/api/policy-archives/{signed}"
EXCEPTIONS = f"{O}/policy/exceptions"

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/policypacks", org(P.POLICY_PACK_READ)),
    row("POST", f"{O}/policypacks", org(P.POLICY_PACK_CREATE), body={"name": "fresh", "policies": []}),
    row("DELETE", PACK, org(P.POLICY_PACK_DELETE)),
    row("GET", f"{PACK}/latest", org(P.POLICY_PACK_READ)),
    row("GET", f"{PACK}/versions/{{version}}", org(P.POLICY_PACK_READ)),
    row("DELETE", f"{PACK}/versions/{{version}}", org(P.POLICY_PACK_DELETE)),
    row("POST", f"{PACK}/versions/{{version}}/complete", org(P.POLICY_PACK_CREATE), at={"version": "2"}),
    row("GET", f"{PACK}/versions/{{version}}/schema", org(P.POLICY_PACK_READ)),
    row("GET", f"{O}/registry/policypacks/{{pack}}", org(P.POLICY_PACK_READ)),
    row("GET", "/api/registry/policypacks", org(P.POLICY_PACK_READ), query={"orgLogin": "acme"}),
    row("POST", "/api/registry/policypacks", org(P.POLICY_PACK_READ), body={"orgLogin": "acme"}),
    row("GET", VERSIONS, org(P.POLICY_PACK_READ), at={"source": "private"}),
    row("GET", f"{VERSIONS}/{{version}}", org(P.POLICY_PACK_READ), at={"source": "private"}),
    row("PUT", ARCHIVE, body="x"),
    row("GET", ARCHIVE, at={"signed": "<download>"}, ok=404),
    row("GET", f"{O}/policygroups", org(P.POLICY_GROUPS_READ)),
    row("POST", f"{O}/policygroups", org(P.POLICY_GROUPS_CREATE), body={"name": "fresh"}),
    row("GET", f"{O}/policygroups/metadata", org(P.POLICY_GROUPS_READ)),
    row(
        "POST",
        f"{O}/policygroups/stackmatchrule/preview",
        org(P.POLICY_GROUPS_READ),
        body={"stackMatchRule": tag_rule("env", "prod")},
    ),
    row("GET", GROUP, org(P.POLICY_GROUPS_READ)),
    row("PATCH", GROUP, org(P.POLICY_GROUPS_UPDATE), body={"addPolicyPack": {"name": "guard"}}),
    row("DELETE", GROUP, org(P.POLICY_GROUPS_DELETE)),
    row("PATCH", f"{GROUP}/batch", org(P.POLICY_GROUPS_UPDATE), body=[{"addPolicyPack": {"name": "guard"}}]),
    row("GET", f"{GROUP}/stacks", org(P.POLICY_GROUPS_READ)),
    row("GET", f"{GROUP}/accounts", org(P.POLICY_GROUPS_READ)),
    *(row("POST", f"{O}/{path}", org(P.POLICY_RESULTS_READ), body={}) for path in ("policyresults/issues", "policy/findings")),
    *(
        row("POST", f"{O}/{path}/export", org(P.POLICY_RESULTS_READ), body={})
        for path in ("policyresults/issues", "policy/findings")
    ),
    *(
        row("POST", f"{O}/{path}/filters", org(P.POLICY_RESULTS_READ), body={"field": "severity"})
        for path in ("policyresults/issues", "policy/findings")
    ),
    *(
        row("GET", f"{O}/{path}/{{issue_id}}", org(P.POLICY_RESULTS_READ), LISTED)
        for path in ("policyresults/issues", "policy/findings")
    ),
    *(
        row("PATCH", f"{O}/{path}/{{issue_id}}", org(P.POLICY_RESULTS_UPDATE), LISTED, body={"priority": "p0"})
        for path in ("policyresults/issues", "policy/findings")
    ),
    *(
        row("POST", f"{O}/{path}/compliance", org(P.POLICY_RESULTS_READ), body={"entity": "stack", "size": 1})
        for path in ("policyresults", "policy/findings")
    ),
    *(row("GET", f"{O}/{path}/metadata", org(P.POLICY_RESULTS_READ)) for path in ("policyresults", "policy/findings")),
    *(row("POST", f"{O}/{path}/policies", org(P.POLICY_RESULTS_READ), body={}) for path in ("policyresults", "policy/findings")),
    row("GET", f"{O}/policyresults/violationsv2", org(P.POLICY_RESULTS_READ)),
    row("GET", EXCEPTIONS, org(P.POLICY_EXCEPTIONS_READ)),
    row(
        "POST",
        EXCEPTIONS,
        org(P.POLICY_EXCEPTIONS_CREATE),
        body={"policyPack": "guard", "match": [{"policies": ["x"], "targets": ["urn:x"]}], "reason": "x"},
    ),
    row("GET", f"{EXCEPTIONS}/{{exception_id}}", org(P.POLICY_EXCEPTIONS_READ)),
    row("DELETE", f"{EXCEPTIONS}/{{exception_id}}", org(P.POLICY_EXCEPTIONS_DELETE)),
)
