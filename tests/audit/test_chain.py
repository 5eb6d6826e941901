"""The hash chain of the audit log on each database: complete under concurrent writers, verified, exported and signed."""

import random
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from io import BytesIO

import pytest
from sqlalchemy import delete, insert, update

from common.audit import integrity, steps
from common.audit.chain import GENESIS, Record, digest, export_line, link
from common.audit.events import Actor, Event
from common.audit.verification import Fault, Problem, Verification
from common.backend import Backend
from common.db.retry import retry
from common.db.tables.audit import audit_events, audit_heads
from tests.counting import Counter

ORG, OTHER = "org-1", "org-2"
ACTOR = Actor("u1", "alice", "t1", "ci", "192.0.2.7")


def record(backend: Backend, *orgs: str, text: str = "Made team ops") -> None:
    """Record an event in one or several organizations, in one transaction."""

    def append() -> None:
        with backend.db.begin() as tx:
            for org in sorted(orgs):
                steps.record_as(tx, backend, ACTOR, org, Event.TEAM_CREATED, description=text)

    retry(append, attempts=20)


def export(backend: Backend, org: str = ORG) -> list[bytes]:
    """Return the lines of an export."""
    return list(integrity.export_log(backend, org))


def fault_of(result: Verification) -> Fault:
    """Return the fault of a log that has one."""
    assert result.fault is not None
    return result.fault


def sample(count: int) -> list[Record]:
    """Make a chain without a database."""
    records, previous = list[Record](), GENESIS
    for sequence in range(1, count + 1):
        text = f'Made team ops-{sequence}, "größer" \\ 👍'
        plain = Record(f"id-{sequence:04}", ORG, 1_000 + sequence, "team-created", text, "u1", "alice", None, "ci", "192.0.2.7")
        previous = link(sequence, previous, digest(plain))
        records.append(replace(plain, sequence=sequence, hash=previous))
    return records


class TestAppend:
    def test_links_each_record_to_the_one_before(self, backend: Backend, counter: Counter) -> None:
        """The database computes the same hash as the program, and an append costs two statements."""
        record(backend, ORG)
        counter.reset()
        record(backend, ORG, text="größer: 'ops' \\ \n 👍")
        assert 2 == counter.statements

        result = integrity.verify_log(backend, ORG)

        assert (2, 0, None) == (result.chained, result.unchained, result.fault)
        assert result == integrity.verify_export(export(backend))

    def test_leaves_no_gap_under_concurrent_writers(self, backend: Backend) -> None:
        """Eight writers append to two organizations, some in one transaction; every sequence number is there once."""
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(record, backend, *([ORG, OTHER] if n % 3 else [ORG])) for n in range(160)]:
                done.result()

        assert (160, None) == (integrity.verify_log(backend, ORG).chained, integrity.verify_log(backend, ORG).fault)
        assert (106, None) == (integrity.verify_log(backend, OTHER).chained, integrity.verify_log(backend, OTHER).fault)

    def test_rolls_back_with_its_transaction(self, backend: Backend) -> None:
        """A transaction that fails takes its link back."""

        def fail() -> None:
            with backend.db.begin() as tx:
                steps.record_as(tx, backend, ACTOR, ORG, Event.TEAM_CREATED, description="x")
                raise ZeroDivisionError

        record(backend, ORG)
        with pytest.raises(ZeroDivisionError):
            fail()
        record(backend, ORG)

        assert (2, None) == (integrity.verify_log(backend, ORG).chained, integrity.verify_log(backend, ORG).fault)


class TestVerifyLog:
    @pytest.fixture(autouse=True)
    def log(self, backend: Backend) -> None:
        """Two records from before the chain, and five in it; the second page begins after the fourth."""
        old = Record("old", ORG, 5, "team-created", "Made team ops", "u1", "alice", None, "", "")
        with backend.db.begin() as tx:
            for name in ("old-1", "old-2"):
                tx.execute(insert(audit_events).values(**asdict(replace(old, id=name))))
        for _ in range(5):
            record(backend, ORG)

    def test_says_since_when_the_chain_holds(self, backend: Backend) -> None:
        """Records from before the chain stay readable and are counted; the chain begins after them."""
        first, result = export(backend)[2], integrity.verify_log(backend, ORG)

        assert (5, 2, None) == (result.chained, result.unchained, result.fault)
        assert f'"recordedAt":{result.since},' in first.decode()

    def test_names_the_record_that_was_changed(self, backend: Backend) -> None:
        """A changed text, a deleted record in the middle and one at the end are named."""
        third = (audit_events.c.org_id == ORG, audit_events.c.sequence == 3)
        with backend.db.begin() as tx:
            tx.execute(update(audit_events).where(*third).values(description="Made team dev"))
        fault = fault_of(integrity.verify_log(backend, ORG))
        assert (Problem.CHANGED, 3) == (fault.problem, fault.sequence)

        with backend.db.begin() as tx:
            tx.execute(delete(audit_events).where(*third))
        fault = fault_of(integrity.verify_log(backend, ORG))
        assert (Problem.MISSING, 3) == (fault.problem, fault.sequence)

    def test_finds_a_log_that_was_cut_off(self, backend: Backend) -> None:
        """A person who deletes the newest records and sets the head back cannot make the signed head anew."""
        assert (1, "") == integrity.sign_heads(backend, "")
        assert (0, "") == integrity.sign_heads(backend, "")
        assert integrity.verify_log(backend, ORG).fault is None
        fourth = integrity.verify_export([*export(backend)[:6]]).head
        with backend.db.begin() as tx:
            tx.execute(delete(audit_events).where(audit_events.c.org_id == ORG, audit_events.c.sequence == 5))
            tx.execute(update(audit_heads).values(sequence=fourth.sequence, hash=fourth.hash))

        fault = fault_of(integrity.verify_log(backend, ORG))

        assert (Problem.MISSING, 5) == (fault.problem, fault.sequence)

    def test_finds_a_chain_that_was_computed_anew(self, backend: Backend) -> None:
        """A record that was replaced together with its hash and the head differs from the one that was signed."""
        integrity.sign_heads(backend, "")
        with backend.db.begin() as tx:
            tx.execute(delete(audit_events).where(audit_events.c.sequence == 5))
            four = integrity.verify_export(export(backend)[:6]).head
            tx.execute(update(audit_heads).values(sequence=4, hash=four.hash))
        record(backend, ORG, text="Made team dev")

        fault = fault_of(integrity.verify_log(backend, ORG))

        assert (Problem.CHANGED, 5) == (fault.problem, fault.sequence)

    def test_finds_a_changed_signed_head(self, backend: Backend) -> None:
        """A signed head that was not signed by this installation is a fault."""
        integrity.sign_heads(backend, "")
        ((key, _),) = backend.metadata.page("audit-heads/", "", 9)
        forged = backend.metadata.get(key).replace(b'"sequence":5', b'"sequence":4')
        backend.metadata.delete([key])
        backend.metadata.put(key.replace("05", "04"), forged)

        assert Problem.CHANGED == fault_of(integrity.verify_log(backend, ORG)).problem

    def test_finds_a_deleted_record_from_before_the_chain(self, backend: Backend) -> None:
        """How many there are is signed."""
        integrity.sign_heads(backend, "")
        with backend.db.begin() as tx:
            tx.execute(delete(audit_events).where(audit_events.c.id == "old-1"))

        assert Problem.MISSING == fault_of(integrity.verify_log(backend, ORG)).problem

    def test_names_an_inserted_record_without_a_place_in_the_chain(self, backend: Backend) -> None:
        """A record that was added as if it were from before the chain, and is younger than it, is named by its id."""
        integrity.sign_heads(backend, "")
        late = Record("late", ORG, 9_999_999_999_999, "team-created", "Made team dev", "u1", "alice", None, "", "")
        with backend.db.begin() as tx:
            tx.execute(insert(audit_events).values(**asdict(late)))

        fault = fault_of(integrity.verify_log(backend, ORG))

        assert (Problem.INSERTED, True) == (fault.problem, "record late was inserted" in fault.text)

    @pytest.mark.parametrize("sequence", [-7, 0, 6, 10_000])
    def test_names_an_inserted_record_outside_of_the_chain(self, backend: Backend, sequence: int) -> None:
        """A record before the first link or after the head is shown by the log, so it is a fault."""
        forged = Record("forged", ORG, 1_000, "team-created", "Made team dev", "u1", "alice", None, "", "", sequence, "0" * 64)
        with backend.db.begin() as tx:
            tx.execute(insert(audit_events).values(**asdict(forged)))

        fault = fault_of(integrity.verify_log(backend, ORG))

        assert (Problem.INSERTED, sequence) == (fault.problem, fault.sequence)
        assert "record forged was inserted" in fault.text


class TestVerifyExport:
    LINES = tuple(export_line(one) for one in sample(40))
    RANDOM = random.Random(14)

    def lines(self) -> list[bytes]:
        """Return an export with its end."""
        last = sample(40)[-1]
        return [*self.LINES, f'{{"head":{{"hash":"{last.hash}","sequence":40}},"orgID":"{ORG}","unchained":0}}\n'.encode()]

    def test_accepts_what_was_exported(self) -> None:
        """An unaltered export holds, also an empty one."""
        assert (40, None) == (integrity.verify_export(self.lines()).chained, integrity.verify_export(self.lines()).fault)

    def test_names_the_record_of_every_changed_byte(self) -> None:
        """1,000 single bytes, anywhere in the file: the line of the byte is named."""
        text = b"".join(self.lines())
        for _ in range(1_000):
            at = self.RANDOM.randrange(len(text))
            byte = self.RANDOM.choice([number for number in range(256) if number != text[at]])
            changed = text[:at] + bytes([byte]) + text[at + 1 :]
            line = text[:at].count(b"\n") + 1

            fault = fault_of(integrity.verify_export(BytesIO(changed)))

            assert line == fault.line, (at, byte, fault)

    def test_names_every_deleted_record(self) -> None:
        """1,000 deletions: the first record that is missing is named."""
        for _ in range(1_000):
            lines, at = self.lines(), self.RANDOM.randrange(40)
            del lines[at : at + self.RANDOM.randrange(1, 4)]
            if not lines or b"head" not in lines[-1]:
                lines = [*lines, self.lines()[-1]]

            fault = fault_of(integrity.verify_export(lines))

            assert (Problem.MISSING, at + 1) == (fault.problem, fault.sequence), (at, fault)

    def test_names_every_swapped_record(self) -> None:
        """1,000 swaps: the first place that holds another record is named."""
        for _ in range(1_000):
            lines = self.lines()
            first, second = sorted(self.RANDOM.sample(range(40), 2))
            lines[first], lines[second] = lines[second], lines[first]

            fault = fault_of(integrity.verify_export(lines))

            assert first + 1 == fault.line, (first, second, fault)

    def test_names_every_inserted_record(self) -> None:
        """1,000 insertions of forged and repeated records: the line of the inserted one is named, as inserted."""
        forged = [replace(one, description="forged") for one in sample(40)]
        problems = Tally[Problem]()
        for _ in range(1_000):
            lines, at = self.lines(), self.RANDOM.randrange(41)
            lines.insert(at, self.RANDOM.choice([*self.LINES, *map(export_line, forged), b"rubbish\n"]))

            fault = fault_of(integrity.verify_export(lines))

            problems[fault.problem] += 1
            # A repeated record may be put ahead of itself or after itself, which is the same file.
            is_repeat = at < 40 and lines[at] == lines[at + 1]
            assert at + 1 + is_repeat == fault.line, (at, fault)
        assert {Problem.INSERTED: 1_000} == problems

    def test_misses_the_end(self) -> None:
        """An export that was cut off before its last line is named as such."""
        fault = fault_of(integrity.verify_export(self.lines()[:-1]))

        assert (Problem.MISSING, 41) == (fault.problem, fault.sequence)
