"""Resources with secrets move to a stack that has never been updated, and on to another project."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter

import pytest

from tests.e2e.project import STASH, UP, Project, ProjectFactory, secret, stash

SECRETS = {"outer": "o-1234", "inner": "i-1234"}


def plain_texts(project: Project, stack: str) -> dict[str, str]:
    """Return the secret of each resource of a stack, by the resource's name, as `--show-secrets` prints them."""
    document = json.loads(project.run("stack", "export", "--show-secrets", "--stack", stack).stdout)
    found = {}
    for resource in document["deployment"].get("resources") or []:
        value = (resource.get("outputs") or {}).get("output")
        if resource["type"] == STASH and isinstance(value, dict):
            found[resource["urn"].rpartition("::")[2]] = json.loads(value["plaintext"])
    return found


def urns(project: Project, stack: str) -> dict[str, str]:
    """Return the URNs of a stack's resources by name; each parent must be one of them."""
    document = json.loads(project.run("stack", "export", "--stack", stack).stdout)
    resources = document["deployment"].get("resources") or []
    known = {resource["urn"] for resource in resources}
    assert all(resource.get("parent", next(iter(known))) in known for resource in resources)
    return {urn.rpartition("::")[2]: urn for urn in known}


def kinds(project: Project, stack: str) -> Counter[str]:
    """Return how often each kind is in a stack's history."""
    return Counter(entry["kind"] for entry in project.run("stack", "history", "--json", "--stack", stack).json())


def decrypt(project: Project, stack: str, ciphertext: str) -> int:
    """Return the status of asking a stack for the plain text of a ciphertext."""
    server = project.cli.server
    request = urllib.request.Request(
        f"{server.url}/api/stacks/{stack}/decrypt",
        json.dumps({"ciphertext": ciphertext}).encode(),
        {"Authorization": f"token {server.token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.newest_cli_only
def test_to_a_stack_that_was_only_made(make_project: ProjectFactory) -> None:
    """Secrets open under the new stack after every step; parents and URNs fit; each move is one import in both histories."""
    shop, other = make_project(), make_project()
    inner = stash(secret(SECRETS["inner"]))
    inner["options"]["parent"] = "${outer}"
    shop.write({"outer": stash(secret(SECRETS["outer"])), "inner": inner})
    other.write({})
    a, b, d = shop.stack("a"), shop.stack("b"), other.stack("d")
    shop.init("a")
    shop.run(*UP)
    shop.run("stack", "init", b, "--no-select")
    empty = json.loads(shop.run("stack", "export", "--stack", b).stdout)["deployment"]
    other.init("d")

    shop.run("state", "move", "--source", a, "--dest", b, "--yes", urns(shop, a)["outer"])
    moved = urns(shop, b)

    assert not empty.get("resources")
    assert not (empty.get("secrets_providers") or {}).get("type")
    assert (SECRETS, {}) == (plain_texts(shop, b), plain_texts(shop, a))
    assert f"urn:pulumi:b::{shop.name}::{STASH}${STASH}::inner" == moved["inner"]
    assert (Counter(update=1, **{"import": 1}), Counter({"import": 1})) == (kinds(shop, a), kinds(shop, b))

    other.run("state", "move", "--source", b, "--dest", d, "--yes", moved["outer"])

    assert (SECRETS, {}) == (plain_texts(other, d), plain_texts(shop, b))
    assert f"urn:pulumi:d::{other.name}::{STASH}${STASH}::inner" == urns(other, d)["inner"]

    other.run("state", "rename", "--yes", urns(other, d)["inner"], "innermost")
    other.run("state", "protect", "--yes", urns(other, d)["outer"])
    other.run("state", "unprotect", "--all", "--yes")
    assert {"outer": SECRETS["outer"], "innermost": SECRETS["inner"]} == plain_texts(other, d)
    other.run("state", "delete", "--yes", urns(other, d)["innermost"])
    assert {"outer": SECRETS["outer"]} == plain_texts(other, d)
    third = other.stack("e", project=f"{other.name}-third")
    other.run("stack", "rename", third)
    renamed = json.loads(other.cli.run(("stack", "export", "--show-secrets", "--stack", third), other.folder.parent).stdout)

    assert SECRETS["outer"] in json.dumps(renamed)
    assert all(f"urn:pulumi:e::{other.name}-third::" in resource["urn"] for resource in renamed["deployment"]["resources"])


@pytest.mark.newest_cli_only
def test_leaves_nothing_that_the_old_stack_can_open(make_project: ProjectFactory) -> None:
    """The ciphertexts of the new stack are its own: the old one's state says nothing of them."""
    shop = make_project()
    shop.write({"outer": stash(secret(SECRETS["outer"]))})
    a, b = shop.stack("a"), shop.stack("b")
    shop.init("a")
    shop.run(*UP)
    shop.run("stack", "init", b, "--no-select")
    before = shop.run("stack", "export", "--stack", a).stdout
    shop.run("state", "move", "--source", a, "--dest", b, "--yes", urns(shop, a)["outer"])
    after = shop.run("stack", "export", "--stack", b).json()
    [ciphertext] = {
        resource["outputs"]["output"]["ciphertext"] for resource in after["deployment"]["resources"] if resource["type"] == STASH
    }

    assert ciphertext not in before
    assert SECRETS["outer"] not in json.dumps(after)
    assert [200, 400] == [decrypt(shop, stack, ciphertext) for stack in (b, a)]
