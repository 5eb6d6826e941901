"""`stackhold state`: versions of a state compared, shown and restored through the API of an installation."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.server_process import Served, run
from tests.stacks.engine.builders import make_resource, make_state, urn

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
STACK = "acme/shop/dev"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the stack acme/shop/dev, which has two versions."""
    with Served(tmp_path_factory.mktemp("state"), **SETTINGS) as served:
        assert 200 == served.call("/api/stacks/acme/shop", token=TOKEN, body=b'{"stackName":"dev"}')[0]
        for size in (1, 2):
            state = make_state(make_resource("a", inputs={"size": size}))
            assert 200 == served.call(f"/api/stacks/{STACK}/import", token=TOKEN, body=state)[0]
        yield served


def signed_in(served: Served) -> dict[str, str]:
    """Return the settings of a signed-in command line."""
    return {"PULUMI_BACKEND_URL": served.url, "PULUMI_ACCESS_TOKEN": TOKEN}


def test_diff(served: Served, tmp_path: Path) -> None:
    """Two versions, a file beside a version, and JSON."""
    file = tmp_path / "export.json"
    file.write_bytes(make_state(make_resource("a", inputs={"size": 1}), make_resource("b")))
    versions = run(tmp_path, "state", "diff", f"{STACK}@1", STACK, **signed_in(served))
    with_file = run(tmp_path, "state", "diff", str(file), f"{STACK}@1", **signed_in(served))
    as_json = run(tmp_path, "state", "diff", f"{STACK}@1", STACK, "--json", **signed_in(served))

    assert ["~ changed test:m:Res a", "    ~ size: 1 => 2", "1 changed; 0 unchanged."] == versions.stdout.splitlines()
    assert "- removed test:m:Res b" in with_file.stdout
    assert {"changed": 1} == json.loads(as_json.stdout)["counts"]


def test_two_files_need_no_installation(tmp_path: Path) -> None:
    """They are compared on the spot."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(make_state(make_resource(name)))
    result = run(tmp_path, "state", "diff", "a", "b", HOME=str(tmp_path))

    assert (0, "1 added, 1 removed; 0 unchanged.") == (result.returncode, result.stdout.splitlines()[-1])


def test_show_and_restore(served: Served, tmp_path: Path) -> None:
    """A version is shown as an export, and restored after a question; then it is the newest."""
    shown = run(tmp_path, "state", "show", STACK, "--version", "1", **signed_in(served))
    asked = run(tmp_path, "state", "restore", STACK, "--version", "1", **signed_in(served))
    restored = run(tmp_path, "state", "restore", STACK, "--version", "1", "--yes", **signed_in(served))
    newest = run(tmp_path, "state", "show", STACK, **signed_in(served))

    assert {"size": 1} == json.loads(shown.stdout)["deployment"]["resources"][0]["inputs"]
    assert 1 == asked.returncode
    assert "~ size: 2 => 1" in restored.stdout
    assert shown.stdout == newest.stdout


def test_check_and_repair(served: Served, tmp_path: Path) -> None:
    """A broken state is named, previewed and repaired."""
    assert 200 == served.call("/api/stacks/acme/shop", token=TOKEN, body=b'{"stackName":"broken"}')[0]
    state = make_state(make_resource("b", dependencies=[urn("a")]), make_resource("a"))
    assert 200 == served.call("/api/stacks/acme/shop/broken/import", token=TOKEN, body=state)[0]
    broken = run(tmp_path, "state", "check", "acme/shop/broken", **signed_in(served))
    preview = run(tmp_path, "state", "repair", "acme/shop/broken", "--preview", **signed_in(served))
    still = run(tmp_path, "state", "check", "acme/shop/broken", **signed_in(served))
    repaired = run(tmp_path, "state", "repair", "acme/shop/broken", "--yes", **signed_in(served))
    sound = run(tmp_path, "state", "check", "acme/shop/broken", **signed_in(served))

    assert "dependency urn:pulumi:dev::shop::test:m:Res::a comes after it" in broken.stdout
    assert "* Put each resource behind what it needs; 2 change their place" in preview.stdout.splitlines()
    assert (1, 1, 1, 0, 0) == tuple(result.returncode for result in (broken, preview, still, repaired, sound))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("diff", "nothing", STACK), "is neither a file nor a stack"),
        (("show", "dev"), "is not a stack"),
        (("show", STACK, "--version", "77"), "has no version 77"),
        (("show", STACK, "--version", "soon"), "names no version"),
        (("show", "acme/shop/missing"), "not found"),
    ],
)
def test_problems(served: Served, tmp_path: Path, arguments: tuple[str, ...], problem: str) -> None:
    """Each is one line."""
    result = run(tmp_path, "state", *arguments, **signed_in(served))

    assert (1, "") == (result.returncode, result.stdout)
    assert problem in result.stderr
    assert 1 == len(result.stderr.splitlines())


def test_without_an_installation(tmp_path: Path) -> None:
    """The error says how to sign in."""
    result = run(tmp_path, "state", "show", STACK, HOME=str(tmp_path), PULUMI_HOME=str(tmp_path))

    assert 1 == result.returncode
    assert "run `pulumi login`" in result.stderr
