"""The calls about the caller: who they are, their organizations, stacks and tokens, and their account."""

from tests.authorization.needs import MEMBER, OWN, PERSON, SIGNED_IN, Row
from tests.authorization.requests import TOKEN, row

ROWS: tuple[Row, ...] = (
    row("GET", "/api/user", SIGNED_IN),
    row("GET", "/api/user/verified-email", SIGNED_IN),
    row("GET", "/api/user/pending-emails", SIGNED_IN),
    row("DELETE", "/api/user/pending-emails", PERSON, ok=400, case="none waits"),
    # Settings decide who may: tests/sign_in/accounts/test_sign_up.py, test_accounts.py, tests/people/orgs/test_create_organization.py.
    row("POST", "/api/console/email/signup", body={"email": 1}, ok=400, case="not an account"),
    row("POST", "/api/console/email/login", body={"email": 1}, ok=400, case="not a name"),
    row("POST", "/api/console/actions/new-organization", SIGNED_IN, body={}, ok=400, case="without a name"),
    row("GET", "/api/user/organizations/default", SIGNED_IN),
    row("POST", "/api/user/organizations/{org}/default", MEMBER),
    row("GET", "/api/user/stacks", SIGNED_IN),
    row("GET", "/api/user/stacks", MEMBER, query={"organization": "acme"}, case="of one organization"),
    row("GET", "/api/user/tokens", SIGNED_IN),
    row("POST", "/api/user/tokens", PERSON, body=TOKEN),
    row("DELETE", "/api/user/tokens/{token_id}", OWN, at={"token_id": "<token laptop>"}),
)
