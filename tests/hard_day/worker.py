"""One person with one stack: updates it again and again, notes what was acknowledged, and looks whether it is there."""

import base64
import json
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.hard_day.client import Client, GaveUpError, RefusedError, Tally
from tests.hard_day.ledger import Ledger, Values, faults_of, order_of, values_of

ORG, PROJECT = "acme", "hardday"
_BEGIN, _SUCCESS = 0, 1
_ROOT = "root"
# Batches whose text is larger than the servers' limit for rows go to the object store.
PADDING_BYTES = (5, 2000)
_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a worker does what clients and networks do on a bad day."""

    repeats: float = 0.0
    reorders: float = 0.0
    dies: float = 0.05
    # Ends with the first failure of the last call, as after Ctrl-C.
    is_impatient: float = 0.3


@dataclass
class Findings:
    """What is wrong, over all workers."""

    problems: list[str] = field(default_factory=list)

    def add(self, stack: str, problems: Sequence[str]) -> None:
        """Add what was found in one stack."""
        self.problems += [f"{stack}: {problem}" for problem in problems]


class Worker(threading.Thread):
    """A thread that works until it is told to stop, then ends its update."""

    def __init__(self, name: str, client: Client, random_source: random.Random, tally: Tally, findings: Findings) -> None:
        """Do nothing yet."""
        super().__init__(name=name, daemon=True)
        self.habits = Habits()
        self.ledger, self.tags = Ledger(), Ledger()
        self.crash: BaseException | None = None
        self._client, self._random, self._tally, self._findings = client, random_source, tally, findings
        self._url = f"/api/stacks/{ORG}/{PROJECT}/{name}"
        self._value = 0
        self._ciphertexts: list[tuple[str, str]] = []
        self._stopping = threading.Event()
        self._resting, self._may_work = threading.Event(), threading.Event()
        self._may_work.set()

    def run(self) -> None:
        """Work."""
        try:
            self._create()
            while not self._stopping.is_set():
                if not self._may_work.is_set():
                    self._resting.set()
                    self._may_work.wait(1)
                    continue
                self._resting.clear()
                self._work()
        except BaseException as error:  # noqa: BLE001 - the driver looks at it
            self.crash = error
        finally:
            self._resting.set()
            self._client.close()

    def rest(self) -> None:
        """Begin nothing new."""
        self._may_work.clear()

    def await_rest(self, seconds: float) -> bool:
        """Wait until nothing is under way."""
        return self._resting.wait(seconds)

    def resume(self) -> None:
        """Work again."""
        self._resting.clear()
        self._may_work.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._may_work.set()

    def check(self) -> None:
        """Compare the whole stack with what was acknowledged. Called when no fault is left and the worker rests."""
        self._free()
        exported = self._client.call("GET", f"{self._url}/export")
        self._compare(exported)
        shown = json.loads(self._client.call("GET", self._url))
        seen = {name: int(value) for name, value in shown["tags"].items() if name.startswith("day-")}
        self._findings.add(self.name, self.tags.compare(seen))
        for plaintext, ciphertext in self._ciphertexts:
            decrypted = json.loads(self._client.call("POST", f"{self._url}/decrypt", {"ciphertext": ciphertext}))
            if decrypted["plaintext"] != plaintext:
                self._findings.add(self.name, ["a value decrypts to another one"])
        self._ciphertexts.clear()

    def _work(self) -> None:
        works = (
            self._update,
            self._update,
            self._update,
            self._update,
            self._save,
            self._import,
            self._tag,
            self._encrypt,
            self._visit,
        )
        try:
            self._random.choice(works)()
        except GaveUpError:
            self._tally.add("gave up")
        except RefusedError as error:
            self._tally.add("refused", str(error)[:200])
            if error.status == _CONFLICT:
                self._try_to_free()

    def _create(self) -> None:
        while True:
            try:
                self._client.call("POST", f"/api/stacks/{ORG}/{PROJECT}", {"stackName": self.name})
                break
            except RefusedError as error:
                if error.status == _CONFLICT:  # An earlier attempt arrived.
                    break
                raise
            except GaveUpError:
                self._tally.add("gave up")

    def _update(self) -> None:
        begun = self._begin(2)
        exported = self._client.call("GET", f"{self._url}/export")
        self._compare(exported)
        batches = list(self._batches(order_of(exported)))
        dies_at = self._random.randrange(len(batches) + 1) if self._random.random() < self.habits.dies else -1
        # The root's batch is first: no other may be in the state without it.
        for place, (body, new) in enumerate(self._reordered(batches)):
            if place == dies_at:
                self._tally.add("died")
                return
            self._write(self.ledger, new, f"PATCH {begun.url}/journalentries", body, lease=begun.lease)
            if self._random.random() < self.habits.repeats:
                self._tally.add("repeated")
                self._repeat(f"{begun.url}/journalentries", body, begun.lease)
        self._complete(begun)

    def _save(self) -> None:
        """Update the stack as old command lines do, with whole states."""
        begun = self._begin(0)
        self._compare(self._client.call("GET", f"{self._url}/export"))
        for _ in range(self._random.randrange(1, 4)):
            new = self._changes(sorted(self.ledger.values))
            body = {"version": 3, "isInvalid": False, "deployment": self._deployment({**self.ledger.values, **new})}
            self._write(self.ledger, new, f"PATCH {begun.url}/checkpoint", body, lease=begun.lease)
        self._complete(begun)

    def _import(self) -> None:
        new = self._changes(sorted(self.ledger.values))
        body = {"version": 3, "deployment": self._deployment({**self.ledger.values, **new})}
        if self.ledger.doubtful:
            self._free()
            self._compare(self._client.call("GET", f"{self._url}/export"))
            body = {"version": 3, "deployment": self._deployment({**self.ledger.values, **new})}
        self._write(self.ledger, new, f"POST {self._url}/import", body)

    def _tag(self) -> None:
        tags = {f"day-{number}": self._next() for number in range(4)}
        texts = {name: str(value) for name, value in tags.items()}
        self._write(self.tags, tags, f"PATCH {self._url}/tags", texts)

    def _encrypt(self) -> None:
        plaintext = base64.b64encode(self._random.randbytes(9)).decode()
        made = json.loads(self._client.call("POST", f"{self._url}/encrypt", {"plaintext": plaintext}))
        self._ciphertexts.append((plaintext, made["ciphertext"]))

    def _visit(self) -> None:
        """Make another stack, which needs a new key, encrypt with it, and delete it again."""
        name = f"{self.name}-{self._next()}"
        url = f"/api/stacks/{ORG}/{PROJECT}/{name}"
        self._client.call("POST", f"/api/stacks/{ORG}/{PROJECT}", {"stackName": name})
        made = json.loads(self._client.call("POST", f"{url}/encrypt", {"plaintext": "c2VjcmV0"}))
        opened = json.loads(self._client.call("POST", f"{url}/decrypt", {"ciphertext": made["ciphertext"]}))
        if opened["plaintext"] != "c2VjcmV0":
            self._findings.add(name, ["a value decrypts to another one"])
        self._client.call("DELETE", url)

    def _begin(self, journal_version: int) -> "_Begun":
        options = {"dryRun": False, "parallel": 16}
        program = {"name": PROJECT, "runtime": "yaml", "main": "", "description": "", "options": options, "config": {}}
        body = {
            "updateKind": "update",
            "program": {**program, "metadata": {"message": "", "environment": {}}},
            "tags": None,
            "journalVersion": journal_version,
        }
        reply = json.loads(self._client.call("POST", f"{self._url}/begin-update", body))
        return _Begun(f"{self._url}/update/{reply['updateID']}", reply["token"])

    def _complete(self, begun: "_Begun") -> None:
        sends_once = self._random.random() < self.habits.is_impatient
        self._client.call("POST", f"{begun.url}/complete", {"status": "succeeded"}, lease=begun.lease, sends_once=sends_once)
        self._tally.add("updates")

    def _write(self, ledger: Ledger, new: Values, call: str, body: Any, *, lease: str = "") -> None:
        method, path = call.split(" ")
        try:
            self._client.call(method, path, body, lease=lease)
        except GaveUpError:
            ledger.doubt(new)
            raise
        ledger.confirm(new)

    def _repeat(self, path: str, body: Any, lease: str) -> None:
        try:
            self._client.call("PATCH", path, body, lease=lease, sends_once=True)
        except (GaveUpError, RefusedError):
            self._tally.add("repeats that failed")

    def _reordered(self, batches: list[tuple[Any, Values]]) -> list[tuple[Any, Values]]:
        first, rest = batches[:1], batches[1:]
        if len(rest) > 1 and self._random.random() < self.habits.reorders:
            self._tally.add("reordered", "")
            self._random.shuffle(rest)
        return first + rest

    def _compare(self, exported: bytes) -> None:
        self._findings.add(self.name, [*faults_of(exported), *self.ledger.compare(values_of(exported))])

    def _free(self) -> None:
        """Cancel the update that a client left behind, if there is one, as `pulumi cancel` does."""
        shown = json.loads(self._client.call("GET", self._url))
        if shown.get("currentOperation"):
            try:
                self._client.call("POST", f"{self._url}/update/{shown['activeUpdate']}/cancel")
            except RefusedError as error:
                if error.status != _CONFLICT:
                    raise

    def _try_to_free(self) -> None:
        try:
            self._free()
        except (GaveUpError, RefusedError):
            self._tally.add("gave up")

    def _next(self) -> int:
        self._value += 1
        return self._value

    def _changes(self, present: Sequence[str]) -> dict[str, int | None]:
        """Return some resources to add, to change and to remove."""
        new: dict[str, int | None] = {f"r{self._next()}": self._next() for _ in range(self._random.randrange(1, 4))}
        for name in self._random.sample(list(present), min(len(present), 4)):
            new[name] = None if len(present) > 12 and self._random.random() < 0.5 else self._next()
        return new

    def _batches(self, order: list[str]) -> Iterator[tuple[Any, Values]]:
        """Yield the bodies of an update's journal with what each does to the state."""
        places = {name: place for place, name in enumerate(order)}
        sequence = operation = 1
        entries = [self._entry(1, _BEGIN, 1, operation={"resource": self._root(), "type": "same"})]
        entries.append(self._entry(2, _SUCCESS, 1, state=self._root(), removeOld=places.get(_ROOT)))
        yield {"entries": entries}, {}
        sequence, items = 3, list(self._changes([name for name in order if name != _ROOT]).items())
        while items:
            part, items = items[:2], items[2:]
            entries = []
            for name, value in part:
                operation += 1
                old = places.get(name)
                resource = self._resource(name, value or 0)
                kind = "deleting" if value is None else "creating" if old is None else "updating"
                entries.append(self._entry(sequence, _BEGIN, operation, operation={"resource": resource, "type": kind}))
                state = None if value is None else resource
                entries.append(self._entry(sequence + 1, _SUCCESS, operation, state=state, removeOld=old))
                sequence += 2
            yield {"entries": entries}, dict(part)

    def _entry(self, sequence: int, kind: int, number: int, **members: Any) -> dict[str, Any]:
        head = {"version": 1, "kind": kind, "sequenceID": sequence, "operationID": number}
        return {**head, "removeOld": None, "removeNew": None, **members}

    def _deployment(self, values: Values) -> dict[str, Any]:
        resources = [self._resource(name, value) for name, value in values.items() if value is not None]
        return {"manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": [self._root(), *resources]}

    def _root(self) -> dict[str, Any]:
        return {"urn": f"urn:pulumi:{self.name}::{PROJECT}::pulumi:pulumi:Stack::{_ROOT}", "custom": False, "type": _STACK}

    def _resource(self, name: str, value: int) -> dict[str, Any]:
        return {
            "urn": f"urn:pulumi:{self.name}::{PROJECT}::test:m:Res::{name}",
            "custom": True,
            "id": name,
            "type": "test:m:Res",
            "parent": self._root()["urn"],
            "inputs": {},
            "outputs": {"value": value, "text": self._random.randbytes(self._random.randint(*PADDING_BYTES)).hex()},
        }


@dataclass(frozen=True, slots=True)
class _Begun:
    """An update that runs."""

    url: str
    lease: str


_STACK = "pulumi:pulumi:Stack"
