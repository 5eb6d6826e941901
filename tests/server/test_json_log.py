"""The log of a server in JSON, over a run of the API with secrets in every place."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from tests.e2e.server import ServerProcess

CANARIES = {
    "SMTP_SERVER": "127.0.0.1:9",
    "SMTP_GENERIC_SENDER": "alice@example.com",
    "SMTP_USERNAME": "alice",
    "SMTP_PASSWORD": "canary-smtp-password",
    "METRICS_WEBHOOK_SECRET": "canary-metrics-secret",
    "GITLAB_OAUTH_ID": "stackhold",
    "GITLAB_OAUTH_SECRET": "canary-gitlab-secret",
    "RECAPTCHA_SITE_KEY": "site",
    "RECAPTCHA_SECRET_KEY": "canary-recaptcha-key",
}
BODY = b'{"stackName":"canary/../x","plaintext":"Y2FuYXJ5LXZhbHVl","password":"canary-password","email":"alice@example.com"}'
ADDRESSES = (
    "/api/user",
    "/api/user/tokens",
    "/api/stacks/acme/shop",
    "/api/stacks/acme/shop/dev",
    "/api/stacks/acme/shop/dev/encrypt",
    "/api/stacks/acme/shop/dev/import",
    "/api/stacks/acme/shop/dev/update",
    "/api/console/email/login",
    "/api/console/email/signup",
    "/api/oauth/token",
    "/api/orgs/acme/tokens",
    "/api/orgs/acme/hooks",
    "/api/esc/environments/acme/shop/dev",
    "/scim/v2/acme/Users",
    "/metrics",
    "/signin/gitlab/callback?code=canary-code&state=canary-state",
    "/%00canary",
)


def test_every_line_is_an_object_without_secrets(tmp_path: Path) -> None:
    """Requests with good, bad and no credentials, of each method, leave no secret in the log, and each line is JSON."""
    process = ServerProcess(tmp_path / "data", workers=1, STACKHOLD_LOG_FORMAT="json", **CANARIES)
    process.start()
    tokens = (process.server.token, "pul-" + "c4" * 20, "canary-token-canary-token")
    statuses = {
        _status(process, method, address, f"{scheme} {token}")
        for address in ADDRESSES
        for method in ("GET", "POST", "PATCH", "DELETE")
        for token in tokens
        for scheme in ("token", "webhook-token")
    }
    process.stop()
    # What the command line says before there is a log, such as a setting of the tests that it does not know, is plain text.
    lines = [json.loads(line) for line in process.log.splitlines() if not line.startswith("stackhold: ")]

    assert {200, 400, 401, 404} <= statuses
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert any(line.get("request_id") for line in lines)
    assert [] == [secret for secret in ("canary", "Y2FuYXJ5", *tokens) if secret in process.log]


def _status(process: ServerProcess, method: str, address: str, authorization: str) -> int:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    body = None if method == "GET" else BODY
    request = urllib.request.Request(process.server.url + address, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        return refused.code
