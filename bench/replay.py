"""Measures the state engine alone: `python bench/replay.py`. Prints CPU seconds and the memory a run needs.

Each measurement runs in a process of its own, so that one's garbage is not another's memory.
"""

import json
import multiprocessing
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from common.stacks.engine import checks, document, envelope, journal, rename
from common.stacks.engine.entry import part_of

VERSION = "v3.274.1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:aws::default"
BATCH = 100


def make_resource(index: int, size: int) -> dict[str, Any]:
    """Return a resource of about `size` bytes that depends on the one before it."""
    urns = [f"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::bucket-{number:06}" for number in (index, index - 1)]
    dependencies = {"dependencies": urns[1:], "propertyDependencies": {"n": urns[1:]}} if index else {}
    return {
        "urn": urns[0],
        "custom": True,
        "id": f"id-{index}",
        "type": "aws:s3/bucket:Bucket",
        "parent": ROOT,
        "provider": f"{PROVIDER}::id-1",
        "inputs": {"n": 'x"\n<é' * (size // 12)},
        "outputs": {"z": "w\\" * (size // 6)},
        **dependencies,
    }


def make_resources(count: int, size: int) -> Iterator[dict[str, Any]]:
    """Yield a root, a provider and `count` resources."""
    yield {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"}
    yield {"urn": PROVIDER, "custom": True, "id": "id-1", "type": "pulumi:providers:aws"}
    yield from (make_resource(index, size) for index in range(count))


def make_base(count: int, size: int) -> bytes:
    """Return a container with so many resources."""
    manifest = {"time": "2025-01-01T00:00:00Z", "magic": checks.magic(VERSION), "version": VERSION}
    inner = {"manifest": manifest, "resources": list(make_resources(count, size)), "metadata": {}}
    return dump({"version": 3, "deployment": inner})


def make_journal(count: int, size: int, *, creates: bool) -> list[bytes]:
    """Return the batches of an update that creates every resource, or finds every one unchanged."""
    entries: list[bytes] = []
    for index, made in enumerate(make_resources(count, size)):
        begin = {"operation": {"type": "creating", "resource": made | {"outputs": {}}}} if creates else {}
        entries.append(dump(entry(2 * index + 1, 0, index + 1) | begin))
        entries.append(dump(entry(2 * index + 2, 1, index + 1) | {"state": made, "removeOld": None if creates else index}))
    chunks = (entries[start : start + BATCH] for start in range(0, len(entries), BATCH))
    return [b'{"entries":[' + b",".join(chunk) + b"]}" for chunk in chunks]


def entry(sequence: int, kind: int, operation: int) -> dict[str, Any]:
    """Return the members that every journal entry has."""
    return {"version": 1, "kind": kind, "sequenceID": sequence, "operationID": operation, "removeOld": None, "removeNew": None}


def dump(value: object) -> bytes:
    """Return JSON as a client spells it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def play(base: bytes, batches: list[bytes]) -> None:
    """Replay, and stop where the journal was not understood."""
    assert journal.replay(base, [part_of(batch) for batch in batches], cli_version=VERSION, now=NOW).damage == ()


def create_large() -> tuple[int, Callable[[], object]]:
    """Prepare an update that creates 1,000 resources of 32 KiB."""
    batches = make_journal(1_000, 32_768, creates=True)
    return sum(map(len, batches)), lambda: play(document.EMPTY, batches)


def receive_large() -> tuple[int, Callable[[], object]]:
    """Prepare the envelope checks of the same journal."""
    batches = make_journal(1_000, 32_768, creates=True)
    return sum(map(len, batches)), lambda: [envelope.envelope(batch) for batch in batches]


def same_many() -> tuple[int, Callable[[], object]]:
    """Prepare an update that finds 40,000 resources unchanged."""
    base, batches = make_base(40_000, 120), make_journal(40_000, 120, creates=False)
    return len(base) + sum(map(len, batches)), lambda: play(base, batches)


def nothing_many() -> tuple[int, Callable[[], object]]:
    """Prepare an update without entries on 40,000 resources."""
    base = make_base(40_000, 120)
    return len(base), lambda: play(base, [])


def verify_many() -> tuple[int, Callable[[], object]]:
    """Prepare the integrity check of 40,000 resources."""
    base = make_base(40_000, 120)
    return len(base), lambda: checks.verify(base)


def rename_many() -> tuple[int, Callable[[], object]]:
    """Prepare the rename of a stack with 40,000 resources."""
    base = make_base(40_000, 120)
    names = rename.Names("acme", "shop", "dev"), rename.Names("acme", "store", "prod")
    return len(base), lambda: rename.rename(base, *names)


def measure(prepare: Callable[[], tuple[int, Callable[[], object]]]) -> None:
    """Print one line; the memory is that of a second run, because watching it takes time."""
    size, run = prepare()
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    tracemalloc.start()
    run()
    added = tracemalloc.get_traced_memory()[1]
    print(f"{prepare.__name__:14} {size / 1e6:6.1f} MB of text  {seconds:6.3f} s CPU  {added / 1e6:6.1f} MB besides the text")


if __name__ == "__main__":
    for one in (create_large, receive_large, same_many, nothing_many, verify_many, rename_many):
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(one,))
        process.start()
        process.join()
