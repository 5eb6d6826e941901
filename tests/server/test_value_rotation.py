"""`stackhold keys rotate --values` beside a running server: eight updates with secrets go on, and it is killed again and again."""

import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from common.config.settings import Settings
from common.installation.value_rotation import ValueRotation, rotate_values
from functions.server import startup
from tests.server.server_process import LIMIT_SECONDS, PROGRAM, Served, environment, run
from tests.stacks.engine.builders import dump, entry, make_resource
from tests.wire import begin, create_stack, export, import_state

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
# Stacks that rest, beside those with a running update: each run of the command must find some that are left.
UPDATES, STACKS_PER_KILL = 8, 8
# A request of this test is answered within this time, so what began before the pause has ended after it.
PAUSE_SECONDS = 3.0
CIPHERTEXT = re.compile(rb'"ciphertext":"([^"]+)"')


class Worker(threading.Thread):
    """A client that updates its stack until it is stopped, with a new secret in each update, and notes what fails."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.problems, self.done = list[str](), 0
        self.ciphertexts = dict[str, str]()
        self._url, self._stopping = url, threading.Event()

    def run(self) -> None:
        """Work."""
        try:
            with Client(base_url=self._url, headers=AUTHORIZATION, timeout=LIMIT_SECONDS) as client:
                stack = create_stack(client, self.name)
                while not self._stopping.is_set():
                    self._update(client, stack)
                    self.done += 1
        except Exception as error:  # noqa: BLE001 - whatever went wrong in a thread fails the test
            self.problems.append(f"{self.name}: {error!r}")

    def stop(self) -> None:
        """Let the update that runs be the last one, and wait for its end."""
        self._stopping.set()
        self.join(LIMIT_SECONDS)

    def _update(self, client: Client, stack: str) -> None:
        plain = b64encode(f"{self.name} {self.done}".encode()).decode()
        update = begin(client, stack)
        ciphertext = encrypt(client, stack, plain)
        self.ciphertexts[ciphertext] = plain
        resource = make_resource(f"r{self.done}", outputs={"secret": secret(ciphertext)})
        step = entry(1, 0, 1, operation={"resource": resource, "type": "creating"})
        replies = [update.journal(step), update.journal(entry(2, 1, 1, state=resource)), update.renew(), update.complete()]
        assert [True] * 4 == [reply.is_success for reply in replies], [reply.text for reply in replies]
        # One of any time, and what the newest state has.
        require_opens(client, stack, dict(list(self.ciphertexts.items())[-self.done % 7 - 1 :][:1]))
        assert plain in decrypt_state(client, stack)


AUTHORIZATION = {"Authorization": f"token {TOKEN}"}


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_every_secret_opens_after_a_rotation_that_was_killed(tmp_path: Path, kills: int) -> None:
    """No request fails meanwhile, each run does what is left, and afterwards all ciphertexts that were handed out open."""
    with Served(tmp_path, **SETTINGS) as served, Client(base_url=served.url, headers=AUTHORIZATION, timeout=60) as client:
        resting = dict(make_resting(client, f"rest{number}") for number in range(kills * STACKS_PER_KILL))
        workers = [Worker(served.url, f"load{number}") for number in range(UPDATES)]
        for worker in workers:
            worker.start()
        wait_for(lambda: all(worker.done or worker.problems for worker in workers))
        replaced = [count_replaced(tmp_path)]
        for _ in range(kills):
            replaced.append(kill_in_the_middle(tmp_path, replaced[-1]))
        result = finish(tmp_path)
        before = [worker.done for worker in workers]
        wait_for(lambda: all(worker.done > then or worker.problems for worker, then in zip(workers, before, strict=True)))
        for worker in workers:
            worker.stop()
        for worker in workers:
            require_opens(client, f"/api/stacks/acme/shop/{worker.name}", worker.ciphertexts)
        for stack, (ciphertext, plain) in resting.items():
            require_opens(client, stack, {ciphertext: plain})
            assert {plain} == decrypt_state(client, stack)
            assert ciphertext.encode() not in export(client, stack)

    assert [] == [problem for worker in workers for problem in worker.problems]
    assert [] == result.problems
    assert result.continued_from is not None
    # Every run replaced some, none replaced a key twice, and the last one the rest.
    assert sorted(set(replaced)) == replaced
    assert result.keys == len(resting) + UPDATES - replaced[-1] > 0
    verified = run(tmp_path, "verify", "--all-versions", **SETTINGS)
    assert (0, "") == (verified.returncode, verified.stderr), verified.stdout


def make_resting(client: Client, name: str) -> tuple[str, tuple[str, str]]:
    """Make a stack with a secret in its state, and return its address with the ciphertext and what that is of."""
    stack, plain = create_stack(client, name), b64encode(name.encode()).decode()
    ciphertext = encrypt(client, stack, plain)
    resource = make_resource("one", outputs={"secret": secret(ciphertext)})
    import_state(client, stack, dump({"version": 3, "deployment": {"manifest": {}, "resources": [resource]}}))
    return stack, (ciphertext, plain)


def kill_in_the_middle(folder: Path, before: int) -> int:
    """Start a rotation, kill it when it has replaced some keys, and return how many are replaced then."""
    command = [str(PROGRAM), "keys", "rotate", "--values"]
    output = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, env=environment(**SETTINGS), stdout=output, stderr=output) as process:
        wait_for(lambda: count_replaced(folder) > before)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    return count_replaced(folder)


def finish(folder: Path) -> ValueRotation:
    """Do the rest as the command does, with a shorter pause."""
    settings = Settings({**SETTINGS, "STACKHOLD_DATA": str(folder / ".stackhold")})
    with closing(startup.open_existing(settings)) as backend:
        return rotate_values(backend, grace_seconds=PAUSE_SECONDS, show=len)


def count_replaced(folder: Path) -> int:
    """Return how many data keys of stacks were replaced."""
    with closing(sqlite3.connect(folder / ".stackhold" / "stackhold.db", timeout=LIMIT_SECONDS)) as database:
        query = "SELECT COUNT(*) FROM retired_keys WHERE owner_id IN (SELECT id FROM stacks)"
        return int(database.execute(query).fetchone()[0])


def secret(ciphertext: str) -> dict[str, str]:
    """A secret as it is in a state."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": ciphertext}


def encrypt(client: Client, stack: str, plain: str) -> str:
    """Have the server encrypt a value."""
    reply = client.post(f"{stack}/encrypt", json={"plaintext": plain})
    assert 200 == reply.status_code, reply.text
    return str(reply.json()["ciphertext"])


def require_opens(client: Client, stack: str, ciphertexts: dict[str, str]) -> None:
    """Fail unless each ciphertext opens to its value."""
    for ciphertext, plain in ciphertexts.items():
        reply = client.post(f"{stack}/decrypt", json={"ciphertext": ciphertext})
        assert (200, plain) == (reply.status_code, reply.json().get("plaintext")), reply.text


def decrypt_state(client: Client, stack: str) -> set[str]:
    """Return the values of all secrets in the newest state."""
    found = [text.decode() for text in CIPHERTEXT.findall(export(client, stack))]
    reply: Any = client.post(f"{stack}/batch-decrypt", content=json.dumps({"ciphertexts": found}))
    assert 200 == reply.status_code, reply.text
    return set(reply.json()["plaintexts"].values())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
