"""Publishes policy packs and changes policy groups as clients do: one function a call."""

import gzip
import io
import tarfile
from typing import Any

from httpx2 import Client, Response

PACKS = "/api/orgs/acme/policypacks"
GROUPS = "/api/orgs/acme/policygroups"
DEFAULT = "default-policy-group"
FILES = {"package/PulumiPolicy.yaml": b"runtime: python\n", "package/__main__.py": b"print()\n"}
POLICIES: list[dict[str, Any]] = [
    {
        "name": "no-public-buckets",
        "displayName": "",
        "description": "Buckets are private.",
        "enforcementLevel": "mandatory",
        "message": "",
        "severity": "high",
        "configSchema": {
            "type": "object",
            "properties": {"allowed": {"type": "array", "items": {"type": "string"}}, "most": {"type": "integer", "maximum": 9}},
            "required": ["allowed"],
        },
    },
    {
        "name": "tags",
        "displayName": "Tags",
        "description": "",
        "enforcementLevel": "advisory",
        "message": "",
        "configSchema": None,
    },
    {"name": "off", "displayName": "", "description": "", "enforcementLevel": "disabled", "message": ""},
]


def make_archive(files: dict[str, bytes] | None = None, *, mtime: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a gzip tar of these files, or of a small pack."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as tar:
        for name, content in (FILES if files is None else files).items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.type = len(content), mtime, kind
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(text.getvalue(), mtime=0)


def create(client: Client, name: str = "guard", tag: str = "1.0.0", **members: Any) -> Response:
    """Ask to publish a version."""
    body = {"name": name, "displayName": name.title(), "versionTag": tag, "policies": POLICIES, **members}
    return client.post(PACKS, json=body)


def upload(client: Client, reply: dict[str, Any], archive: bytes) -> Response:
    """Store an archive where a reply says, without an access token."""
    path = reply["uploadURI"].partition("/api/")[2]
    headers = {**(reply.get("requiredHeaders") or {}), "Authorization": ""}
    return client.put(f"/api/{path}", content=archive, headers=headers)


def complete(client: Client, name: str = "guard", version: str = "1.0.0") -> Response:
    """Complete a version."""
    return client.post(f"{PACKS}/{name}/versions/{version}/complete")


def publish(client: Client, name: str = "guard", tag: str = "1.0.0", *, archive: bytes | None = None, **members: Any) -> int:
    """Publish a version in three calls, and return its number."""
    created = create(client, name, tag, **members)
    assert 201 == created.status_code, created.text
    upload(client, created.json(), archive if archive is not None else make_archive())
    number = int(created.json()["version"])
    completed = complete(client, name, tag or str(number))
    assert (204, b"") == (completed.status_code, completed.content), completed.text
    return number


def enable(client: Client, name: str = "guard", tag: str = "", *, group: str = DEFAULT, **members: Any) -> Response:
    """Enable a pack in a group, as the command line does."""
    return client.patch(f"{GROUPS}/{group}", json={"addPolicyPack": {"name": name, "versionTag": tag, **members}})


def make_group(client: Client, name: str, **members: Any) -> None:
    """Create a group."""
    created = client.post(GROUPS, json={"name": name, **members})
    assert (204, b"") == (created.status_code, created.content), created.text


def get_group(client: Client, name: str = DEFAULT) -> dict[str, Any]:
    """Return a group."""
    reply = client.get(f"{GROUPS}/{name}")
    assert 200 == reply.status_code, reply.text
    group: dict[str, Any] = reply.json()
    return group


def tag_rule(key: str, value: str) -> dict[str, Any]:
    """Return a match rule: stacks with a tag of this value."""
    return {
        "__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionTag", "context": {"__type": "PermissionExpressionStack"}, "key": key},
        "right": {"__type": "PermissionLiteralExpressionString", "value": value},
    }
