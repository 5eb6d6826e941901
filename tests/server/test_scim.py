"""A directory against a real server process, with its own HTTP client and nothing shared but the socket."""

from pathlib import Path

import pytest
from httpx2 import Client

from tests.server.serving import client_of, serving
from tests.sign_in.scim.directory_client import GROUP, USER, Directory, error_of

pytestmark = pytest.mark.dialects("sqlite")


def test_a_directory_is_connected_and_speaks(tmp_path: Path) -> None:
    """An administrator makes the token; the directory brings a person and a group, and takes the person out again."""
    with serving(tmp_path, 2) as served, client_of(served) as admin, Client(base_url=served.url, timeout=60) as bare:
        made = admin.post("/api/orgs/acme/scim/token").json()
        assert made["baseUrl"].endswith("/scim/v2/acme")
        directory = Directory(bare, made["tokenValue"])
        person = directory.add("alice@example.com", schemas=[USER], displayName="Alice")
        group = directory.make("Groups", schemas=[GROUP], displayName="Platform", members=[{"value": person["id"]}])
        team = admin.get("/api/orgs/acme/teams/Platform").json()
        left = directory.patch(f"/Users/{person['id']}", {"op": "Replace", "path": "active", "value": "False"})
        members = [one["user"]["githubLogin"] for one in admin.get("/api/orgs/acme/members").json()["members"]]
        strangers = Directory(bare, "puls-" + "0" * 40).call("GET", "/Users")

    assert ("scim", ["alice"]) == (team["kind"], [one["githubLogin"] for one in team["members"]])
    assert group["members"][0]["value"] == person["id"]
    assert (200, False) == (left.status_code, left.json()["active"])
    assert ["admin"] == members
    assert (401, None) == error_of(strangers)
    assert made["tokenValue"] not in served.log
