"""Plays the HTTP calls of `up` and `destroy` without a command line, several stacks at once, each on one connection."""

import base64
import http.client
import math
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from bench import usage
from bench.asgi import Json
from bench.script import PROJECT, Script, batches
from bench.servers import Target
from common.core.compression import pack, unpack

JOURNAL_BATCH = 16
EVENT_BATCH = 50
_TIMEOUT_SECONDS = 120
_TAGS = {"pulumi:project": PROJECT, "pulumi:runtime": "yaml"}
_AGENT = "pulumi-cli/1 (v3.274.1; linux; cmd=up)"


class WireError(Exception):
    """The server gave an answer that a client would not accept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much load: stacks at once, updates each, resources in an update, bytes in a resource."""

    stacks: int
    updates: int
    resources: int
    payload_bytes: int


@dataclass
class Figures:
    """Milliseconds of each call by its kind, and what the whole took."""

    plan: Plan
    target: str
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: float = 0
    sent_bytes: int = 0
    used: usage.Usage | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        """Return the number of calls."""
        return sum(map(len, self.milliseconds.values()))

    def note(self, kind: str, seconds: float, sent_bytes: int) -> None:
        """Add a call."""
        with self.lock:
            self.milliseconds[kind].append(seconds * 1000)
            self.sent_bytes += sent_bytes


class Client:
    """One keep-alive connection, as one command holds."""

    def __init__(self, target: Target, note: Callable[[str, float, int], None]) -> None:
        parts = urlsplit(target.url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
        self._token, self._note = target.token, note

    def call(self, kind: str, method: str, path: str, body: bytes | None = None, lease: str = "") -> Json:
        """Return the JSON of an answer; raises WireError for a refusal. What a lease sends is packed, as clients do."""
        headers = {
            "Accept": "application/vnd.pulumi+9",
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": _AGENT,
            "Authorization": f"update-token {lease}" if lease else f"token {self._token}",
        }
        if body is not None and kind in ("journal batch", "events batch"):
            body, headers["Content-Encoding"] = pack(body), "gzip"
        started = time.perf_counter()
        self._connection.request(method, path, body, headers)
        reply = self._connection.getresponse()
        text = reply.read()
        self._note(kind, time.perf_counter() - started, len(body or b""))
        if reply.status >= 300:
            raise WireError(f"{method} {path}: {reply.status} {text[:300]!r}")
        return msgspec.json.decode(unpack(text)) if text else None


def run(target: Target, plan: Plan) -> Figures:
    """Return the figures of a plan played on a server; raises WireError."""
    figures, errors = Figures(plan, target.name), list[BaseException]()
    scripts = [
        Script.of(f"w{number}-{secrets.token_hex(4)}", plan.resources, plan.payload_bytes) for number in range(plan.stacks)
    ]

    def work(script: Script) -> None:
        try:
            _play(Client(target, figures.note), script, target.org, plan)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=work, args=(script,)) for script in scripts]
    before = usage.read(target.pid) if target.pid is not None else None
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures.seconds = time.perf_counter() - started
    if errors:
        raise errors[0]
    if target.pid is not None and before is not None:
        figures.used = usage.read(target.pid).since(before)
    return figures


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value at a share of the sorted values, by nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _play(client: Client, script: Script, org: str, plan: Plan) -> None:
    stack = f"/api/stacks/{org}/{PROJECT}/{script.stack}"
    created = msgspec.json.encode({"stackName": script.stack, "tags": _TAGS})
    client.call("create stack", "POST", f"/api/stacks/{org}/{PROJECT}", created)
    for _ in range(plan.updates):
        _update(client, stack, script, "update", script.creations())
        _expect(client, stack, plan.resources + 1)
        _update(client, stack, script, "destroy", script.deletions())
        _expect(client, stack, 0)
    client.call("delete stack", "DELETE", f"{stack}?force=false")


def _update(client: Client, stack: str, script: Script, kind: str, entries: list[bytes]) -> None:
    client.call("capabilities", "GET", "/api/capabilities")
    client.call("default organization", "GET", "/api/user/organizations/default")
    client.call("read stack", "GET", stack)
    client.call("encrypt", "POST", f"{stack}/encrypt", msgspec.json.encode({"plaintext": base64.b64encode(b"k" * 32).decode()}))
    asked = {"updateKind": kind, "program": script.program(), "tags": _TAGS, "journalVersion": 2}
    begun = client.call("begin update", "POST", f"{stack}/begin-update", msgspec.json.encode(asked))
    path, lease = f"{stack}/update/{begun['updateID']}", begun["token"]
    for method, name, batch in _bodies(script, kind, entries):
        client.call(name, method, f"{path}/{_CALLS[name]}", batch, lease)
    client.call("complete", "POST", f"{path}/complete", b'{"status":"succeeded"}', lease)


def _bodies(script: Script, kind: str, entries: list[bytes]) -> Iterator[tuple[str, str, bytes]]:
    for batch in batches("entries", entries, JOURNAL_BATCH):
        yield "PATCH", "journal batch", batch
    for batch in batches("events", script.events("create" if kind == "update" else "delete"), EVENT_BATCH):
        yield "POST", "events batch", batch


def _expect(client: Client, stack: str, count: int) -> None:
    found = len(client.call("export", "GET", f"{stack}/export")["deployment"].get("resources") or [])
    if found != count:
        raise WireError(f"{stack} holds {found} resources, {count} expected")


_CALLS = {"journal batch": "journalentries", "events batch": "events/batch"}
