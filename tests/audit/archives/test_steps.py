"""The hourly export of audit logs: every hour once, at each kind of place, and none left out."""

import gzip
import json
import urllib.request
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import insert

from common.audit import integrity, repository, steps
from common.audit.archives import repository as archive_rows
from common.audit.archives import service as exports
from common.audit.archives import steps as archives
from common.audit.archives.model import Destination, Kind, Position, Result
from common.audit.chain import export_end
from common.audit.events import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.db.tables.audit import audit_events
from common.outbox import service as outbox
from common.rights.caller import Caller
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.factories.audit_exports import ROLE, Place, org_id_of, set_up

HOUR = 3600
# The clock of the tests begins at 2026-01-02T03:04:05Z.
FIRST = "logs/acme/2026/01/02/03.jsonl.gz"


def record(backend: Backend, caller: Caller, *texts: str) -> None:
    """Record events."""
    for text in texts:
        with backend.db.begin() as tx:
            steps.record(tx, backend, caller, org_id_of(caller), Event.TEAM_CREATED, description=text)


def run(backend: Backend) -> None:
    """Do what the jobs do."""
    archives.queue_due(backend, "")
    outbox.deliver_due(backend, {archives.TOPIC: archives.deliver})


def message(backend: Backend, admin: Caller) -> str | None:
    """Return the message of the last result, or None."""
    result = exports.get_export(backend, admin, "acme").result
    return result.message if result is not None else None


class TestHours:
    @pytest.mark.dialects("sqlite")
    def test_are_written_to_each_kind_of_place(self, backend: Backend, admin: Caller, clock: FrozenClock, place: Place) -> None:
        """An hour is one object, some minutes after its end; an hour without records has none; the prefix is before it."""
        set_up(backend, admin, place)
        record(backend, admin, "one", "two")
        clock.pass_seconds(HOUR + 60)
        run(backend)
        early = place.lines()
        record(backend, admin, "three")
        clock.pass_seconds(3 * HOUR)
        run(backend)
        run(backend)

        assert FIRST in early
        assert ["one", "two"] == early[FIRST][1:]
        assert {**early, "logs/acme/2026/01/02/04.jsonl.gz": ["three"]} == place.lines()
        assert "" == message(backend, admin)

    def test_wait_until_all_is_committed(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """An hour is not exported at its very end, when transactions of it may still run."""
        set_up(backend, admin, s3)
        clock.pass_seconds(HOUR - 4 * 60 - 5)
        run(backend)

        assert {} == s3.read()
        assert None is message(backend, admin)

    def test_are_caught_up(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """Hours in which no job ran are exported later, each as its own object."""
        set_up(backend, admin, s3)
        for hour in range(30):
            record(backend, admin, f"hour {hour}")
            clock.pass_seconds(HOUR)
        clock.pass_seconds(60)
        run(backend)

        exported = s3.lines()
        assert 30 == len(exported)
        assert [f"hour {hour}" for hour in range(30)] == [exported[key][-1] for key in sorted(exported)]

    def test_follow_a_failure(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place, moto: Moto) -> None:
        """While the bucket is gone the result says so, attempts are paused for longer and longer, and no hour is lost."""
        name = f"absent-{org_id_of(admin)}"
        set_up(backend, admin, replace(s3, destination=replace(s3.destination, bucket=name)))
        record(backend, admin, "one")
        clock.pass_seconds(2 * HOUR)
        for _ in range(4):
            run(backend)
        failed = exports.get_export(backend, admin, "acme")
        next_due_at = archives.next_due_at(backend)
        clock.pass_seconds(3 * HOUR)
        moto.make_bucket(name)
        run(backend)
        stored = moto.client("s3").list_objects_v2(Bucket=name)["Contents"]

        assert (1, f"bucket {name}: NoSuchBucket") == (failed.failures, failed.result and failed.result.message)
        assert failed.due_at == unix_millis(clock.now()) - 3 * HOUR * 1000 + archives.PAUSE_MILLIS
        # A database that pauses is woken for the next attempt, and not for an hour without records.
        assert (failed.due_at, None) == (next_due_at, archives.next_due_at(backend))
        assert [FIRST] == [one["Key"] for one in stored]
        assert "" == message(backend, admin)

    def test_keep_a_change_of_the_destination(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """An attempt that began before a change of the destination does not say how the export to the new one went."""
        absent = replace(s3, destination=replace(s3.destination, bucket=f"absent-{org_id_of(admin)}"))
        set_up(backend, admin, absent)
        record(backend, admin, "one")
        clock.pass_seconds(2 * HOUR)
        began = exports.get_export(backend, admin, "acme")
        set_up(backend, admin, s3)
        changed = exports.get_export(backend, admin, "acme")
        with backend.db.begin() as tx:
            failed = Result(unix_millis(clock.now()), "NoSuchBucket")
            archive_rows.store_progress(tx, began, replace(began, result=failed, due_at=began.due_at + HOUR, failures=1))
        kept = exports.get_export(backend, admin, "acme")
        run(backend)

        assert changed == kept
        assert [FIRST] == list(s3.read())[:1]
        assert "" == message(backend, admin)

    def test_make_a_whole_export(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """The objects of all hours, one after another, are the lines of an export that `stackhold audit verify` checks."""
        set_up(backend, admin, s3)
        for text in ("one", "two", "three"):
            record(backend, admin, text)
            clock.pass_seconds(HOUR)
        clock.pass_seconds(60)
        run(backend)
        org_id = org_id_of(admin)
        objects = s3.read()
        lines = [line + b"\n" for key in sorted(objects) for line in gzip.decompress(objects[key]).splitlines()]

        assert list(integrity.export_log(backend, org_id))[:-1] == lines
        with backend.db.connect() as connection:
            head = repository.find_head(connection, org_id)
        assert None is integrity.verify_export([*lines, export_end(org_id, head, 0)]).fault

    @pytest.mark.dialects("sqlite")
    def test_are_split(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """An hour with many records is several objects, in the order of the chain; a run goes on where the one before stopped."""
        set_up(backend, admin, s3)
        now, org_id, size = unix_millis(clock.now()), org_id_of(admin), archives.PAGE * archives.PAGES_PER_OBJECT
        rest = {"event": "team-created", "user_id": "u", "login": "alice", "token_name": "", "source_ip": "", "hash": "0" * 64}
        rows = [
            # Not in the order of time.
            {"id": f"{i:036}", "org_id": org_id, "recorded_at": now - i % 7, "description": f"{i}", "sequence": i, **rest}
            for i in range(2, size + 12)
        ]
        with backend.db.begin() as tx:
            tx.execute(insert(audit_events), rows)
        clock.pass_seconds(HOUR + 5 * 60)
        numbers = []
        for _ in range(3):
            archives.queue_due(backend, "")
            outbox.deliver_due(backend, {archives.TOPIC: partial(archives.deliver, seconds=0)})
            numbers.append(len(s3.read()))
            clock.pass_seconds(1)
        export = exports.get_export(backend, admin, "acme")
        exported = s3.lines()

        assert [1, 2, 2] == numbers
        assert (Position(), "") == (export.position, export.result and export.result.message)
        assert [FIRST, "logs/acme/2026/01/02/03.part-0002.jsonl.gz"] == sorted(exported)
        assert [str(i) for i in range(2, size + 12)] == [text for key in sorted(exported) for text in exported[key]][1:]
        assert size == len(exported[FIRST])

    def test_stop_when_the_export_is_turned_off(self, backend: Backend, admin: Caller, clock: FrozenClock, s3: Place) -> None:
        """An export that is off, or deleted, writes nothing; one that is turned on again begins with the present hour."""
        set_up(backend, admin, s3)
        exports.update(backend, admin, "acme", None, is_enabled=False)
        record(backend, admin, "off")
        clock.pass_seconds(2 * HOUR)
        run(backend)
        before = s3.read()
        exports.update(backend, admin, "acme", None, is_enabled=True)
        record(backend, admin, "on")
        clock.pass_seconds(2 * HOUR)
        run(backend)
        exported = s3.lines()
        exports.delete(backend, admin, "acme")
        clock.pass_seconds(2 * HOUR)
        run(backend)

        assert {} == before
        assert ["logs/acme/2026/01/02/05.jsonl.gz"] == list(exported)
        assert exported == s3.lines()


class TestRole:
    def test_is_assumed_with_the_organizations_external_id(self, backend: Backend, admin: Caller, s3: Place, moto: Moto) -> None:
        """Each organization has an external id of its own, so that none reaches the bucket of another by naming its role."""
        assert "" == exports.try_destination(backend, admin, "acme", s3.destination).message
        with urllib.request.urlopen(f"{moto.url}/moto-api/data.json") as reply:
            roles = json.load(reply)["sts"]["AssumedRole"]

        assert org_id_of(admin) in json.dumps(roles)
        assert org_id_of(admin) == exports.external_id(admin, "acme")

    def test_of_the_servers_account_is_refused(self, backend: Backend, admin: Caller, s3: Place) -> None:
        """Roles of the installation itself are not for organizations, which could name each other's."""
        destination = replace(s3.destination, access=ROLE.replace("123456789012", "210987654321"))

        assert "own account" in exports.try_destination(backend, admin, "acme", destination).message

    def test_that_demands_no_external_id_is_refused(self, backend: Backend, admin: Caller, moto: Moto) -> None:
        """AWS ignores an external id that the trust of a role does not demand; the stand-in demands none."""
        destination = Destination(Kind.S3, bucket="audit", access=ROLE.replace("123456789012", "210987654321"))

        assert "without an external id" in exports.try_destination(backend, admin, "acme", destination).message


class TestAddress:
    @pytest.mark.parametrize("kind", [Kind.S3_COMPATIBLE, Kind.AZURE_BLOB])
    def test_is_guarded(self, backend: Backend, admin: Caller, kind: Kind) -> None:
        """A private address is not called, nor a metadata service, whatever its path."""
        destination = Destination(kind, "https://169.254.169.254/audit", bucket="audit", access="key")
        result = exports.try_destination(backend, admin, "acme", destination, "sig=x")

        assert "metadata service" in result.message

    @pytest.mark.parametrize("kind", [Kind.S3_COMPATIBLE, Kind.AZURE_BLOB])
    def test_is_refused_when_it_is_none(self, backend: Backend, admin: Caller, kind: Kind) -> None:
        """An address that cannot be taken apart is an error of the request."""
        destination = Destination(kind, "https://[foo", bucket="audit", access="key")
        with pytest.raises(BadRequest):
            exports.try_destination(backend, admin, "acme", destination, "sig=x")


class TestLateness:
    def test_is_bounded(self) -> None:
        """The pause between attempts grows up to an hour."""
        assert archives.LONGEST_PAUSE_MILLIS == timedelta(hours=1).total_seconds() * 1000
