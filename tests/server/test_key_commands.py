"""`stackhold keys rotate` beside a running server: under load, and killed in the middle."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from httpx2 import Client

from common.ports.keys.local import LocalKey, create_key, read_key
from tests.server.server_process import LIMIT_SECONDS, PROGRAM, Served, environment, run
from tests.stacks.engine.builders import entry, make_resource
from tests.wire import begin, create_stack

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
PLAIN = b64encode(b"a secret").decode()
STACKS, UPDATES = 1500, 8


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The settings of a server that was restarted for a change of its local key, after it had made many stacks."""
    with Served(tmp_path, **SETTINGS) as served, Client(base_url=served.url, headers=_authorization()) as client:
        create_stack(client, "first")
    create_key(tmp_path / "new")
    _copy_stacks(tmp_path)
    return {
        **SETTINGS,
        "PULUMI_LOCAL_KEYS": str(tmp_path / "new"),
        "STACKHOLD_UNWRAP_KEYS": f"file://{tmp_path}/.stackhold/keys",
    }


def test_no_request_fails_while_keys_are_rotated(tmp_path: Path, settings: dict[str, str]) -> None:
    """Eight updates that encrypt, decrypt and send journals go on through a rotation; then the new key opens all."""
    with Served(tmp_path, **settings) as served:
        problems, done, stop = list[str](), [0] * UPDATES, threading.Event()
        threads = [threading.Thread(target=_work, args=(served.url, at, done, stop, problems)) for at in range(UPDATES)]
        for thread in threads:
            thread.start()
        _await(lambda: all(done))
        rotated = run(tmp_path, "keys", "rotate", **settings)
        before = list(done)
        _await(lambda: all(now > then for now, then in zip(done, before, strict=True)) or bool(problems))
        stop.set()
        for thread in threads:
            thread.join()

    assert 0 == rotated.returncode, rotated.stderr
    assert [] == problems
    assert "no data key needs another master key" in rotated.stdout
    alone = {name: value for name, value in settings.items() if name != "STACKHOLD_UNWRAP_KEYS"}
    verified = run(tmp_path, "verify", **alone)
    assert (0, "") == (verified.returncode, verified.stderr), verified.stdout
    assert f"{STACKS + UPDATES + 1:,} stacks" in verified.stdout


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_rotation_that_is_killed_is_continued(tmp_path: Path, settings: dict[str, str], times: int) -> None:
    """Killed again and again in the middle, each run does what is left, and at the end every data key opens with the new key."""
    with Served(tmp_path, **settings):
        pass
    left = [_left(tmp_path)]
    for _ in range(times):
        with subprocess.Popen(
            [PROGRAM, "keys", "rotate"],
            cwd=tmp_path,
            env=environment(**settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            _await(lambda: _left(tmp_path) < left[-1])
            process.send_signal(signal.SIGKILL)
        left.append(_left(tmp_path))
    rotated = run(tmp_path, "keys", "rotate", "--json", **settings)

    assert sorted(left, reverse=True) == left
    assert left[-1] > 0, left
    assert 0 == rotated.returncode, rotated.stderr
    assert f'"rewrapped":{left[-1]},' in rotated.stdout
    alone = {name: value for name, value in settings.items() if name != "STACKHOLD_UNWRAP_KEYS"}
    assert 0 == run(tmp_path, "verify", **alone).returncode


def _work(url: str, at: int, done: list[int], stop: threading.Event, problems: list[str]) -> None:
    try:
        with Client(base_url=url, headers=_authorization(), timeout=LIMIT_SECONDS) as client:
            stack = create_stack(client, f"load{at}")
            while not stop.is_set():
                update = begin(client, stack)
                for number in range(3):
                    name = f"r{done[at]}-{number}"
                    ciphertext = client.post(f"{stack}/encrypt", json={"plaintext": PLAIN}).json()["ciphertext"]
                    assert {"plaintext": PLAIN} == client.post(f"{stack}/decrypt", json={"ciphertext": ciphertext}).json()
                    step = entry(2 * number + 1, 0, number + 1, operation={"resource": make_resource(name), "type": "creating"})
                    reply = update.journal(step, entry(2 * number + 2, 1, number + 1, state=make_resource(name)))
                    assert reply.status_code < 300, reply.text
                reply = update.complete()
                assert reply.status_code < 300, reply.text
                done[at] += 1
    except Exception as error:  # noqa: BLE001 - whatever went wrong in a thread fails the test
        problems.append(repr(error))


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _copy_stacks(folder: Path) -> None:
    """Add stacks with data keys of their own, as the server makes them, in one go."""
    key = LocalKey(read_key(folder / ".stackhold" / "keys"))
    with closing(sqlite3.connect(folder / ".stackhold" / "stackhold.db")) as database:
        ids = {table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")] for table in ("stacks", "updates")}
        rows = {table: database.execute(f"SELECT * FROM {table}").fetchone() for table in ids}
        for number in range(STACKS):
            stack_id = f"00000000-0000-7000-8000-{number:012}"
            changes: dict[str, dict[str, object]] = {
                "stacks": {"id": stack_id, "name": f"s{number}", "wrapped_key": key.wrap(os.urandom(32), stack_id)},
                "updates": {"id": f"00000000-0000-7000-9000-{number:012}", "stack_id": stack_id},
            }
            for table, change in changes.items():
                values = {**dict(zip(ids[table], rows[table], strict=True)), **change}
                marks = ", ".join("?" * len(values))
                database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        database.commit()


def _left(folder: Path) -> int:
    """Return how many data keys of stacks are wrapped by the old key."""
    old = LocalKey(read_key(folder / ".stackhold" / "keys")).check()
    with closing(sqlite3.connect(folder / ".stackhold" / "stackhold.db", timeout=LIMIT_SECONDS)) as database:
        query = "SELECT COUNT(*) FROM stacks WHERE lower(hex(substr(wrapped_key, 2, 8))) = ?"
        return int(database.execute(query, (old,)).fetchone()[0])


def _authorization() -> dict[str, str]:
    return {"Authorization": f"token {TOKEN}"}
