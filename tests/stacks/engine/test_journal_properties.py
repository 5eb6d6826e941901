"""Properties of the replay: nothing acknowledged is lost, however the journal was cut, repeated and mixed up."""

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.stacks.engine import document, journal
from tests.stacks.engine.builders import NOW, VERSION, dump, entry, make_batch, make_resource, make_state, parts

BASE_SIZE = 4


@dataclass
class Client:
    """Plays an update as a client does: it knows where each resource lives, in the base or under an operation."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    operation: int = 0
    made: int = 0
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def step(self, kind: str, choice: int) -> None:
        """Run one step on a resource picked by the choice."""
        live = sorted(self.places)
        if kind == "create" or not live:
            self.made += 1
            self._succeed(f"new{self.made}", "creating", None)
            return
        name = live[choice % len(live)]
        place = self.places[name]
        getattr(self, f"_{kind}")(name, place)

    def _update(self, name: str, place: tuple[str, int]) -> None:
        self._succeed(name, "updating", place)

    def _delete(self, name: str, place: tuple[str, int]) -> None:
        self._begin("deleting", name)
        self._add(1, self.operation, **{f"remove{place[0]}": place[1]})
        del self.places[name]

    def _refresh(self, name: str, place: tuple[str, int]) -> None:
        self._begin("reading", None)
        state = make_resource(name, outputs={"refreshed": self.operation})
        self._add(3, self.operation, isRefresh=True, state=state, **{f"remove{place[0]}": place[1]})
        if place[0] == "New":
            self.places[name] = ("New", self.operation)

    def _outputs(self, name: str, place: tuple[str, int]) -> None:
        self._begin("reading", None)
        self._add(4, self.operation, state=make_resource(name, outputs={"o": 1}), **{f"remove{place[0]}": place[1]})

    def _fail(self, name: str, _place: tuple[str, int]) -> None:
        self._begin("updating", name)
        self._add(2, self.operation, state=make_resource(name))

    def _succeed(self, name: str, kind: str, place: tuple[str, int] | None) -> None:
        self._begin(kind, name)
        references = {} if place is None else {f"remove{place[0]}": place[1]}
        self._add(1, self.operation, state=make_resource(name, outputs={"by": self.operation}), **references)
        self.places[name] = ("New", self.operation)

    def _begin(self, kind: str, name: str | None) -> None:
        self.operation += 1
        members = {} if name is None else {"operation": {"type": kind, "resource": make_resource(name)}}
        self._add(0, self.operation, **members)

    def _add(self, kind: int, step: int, /, **members: Any) -> None:
        self.entries.append(entry(len(self.entries) + 1, kind, step, **members))


def base_state() -> bytes:
    return make_state(*(make_resource(f"old{index}") for index in range(BASE_SIZE)))


steps = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete", "refresh", "outputs", "fail"]), st.integers(0, 20)), max_size=25
)


def journal_of(script: list[tuple[str, int]]) -> list[dict[str, Any]]:
    client = Client(places={f"old{index}": ("Old", index) for index in range(BASE_SIZE)})
    for kind, choice in script:
        client.step(kind, choice)
    return client.entries


def must_exist(entries: list[dict[str, Any]]) -> set[str]:
    """The URNs of the base and of acknowledged states, less those that an acknowledged entry removed without a successor."""
    alive = {("Old", index): make_resource(f"old{index}")["urn"] for index in range(BASE_SIZE)}
    called: dict[int, tuple[str, int]] = {}  # operation → the resource that it made or refreshed
    for one in entries:
        if one["kind"] == 1 and "state" in one:
            called[one["operationID"]] = ("New", one["operationID"])
            alive[called[one["operationID"]]] = one["state"]["urn"]
        if one["kind"] == 1:
            alive.pop(("Old", one["removeOld"]), None)
            alive.pop(called.get(one["removeNew"], ("New", -1)), None)
        if one["kind"] == 3 and one["removeNew"] in called:
            called[one["operationID"]] = called[one["removeNew"]]
    return set(alive.values())


def urns_of(result: journal.Replay) -> set[str]:
    return {one.urn for one in document.resources(result.text)}


def batched(entries: list[dict[str, Any]], chance: random.Random) -> list[bytes]:
    """Cuts entries into batches as a bad network delivers them: overlapping, twice, in any order."""
    batches = []
    start = 0
    while start < len(entries):
        size = chance.randint(1, 6)
        batches.append(entries[max(0, start - chance.randint(0, 2)) : start + size])
        start += size
    batches += [chance.choice(batches) for _ in range(chance.randint(0, 3)) if batches]
    chance.shuffle(batches)
    return [make_batch(*batch) for batch in batches]


def replay(base: bytes, batches: list[bytes]) -> journal.Replay:
    return journal.replay(base, parts(*batches), cli_version=VERSION, now=NOW)


class TestNothingIsLost:
    @settings(max_examples=200, deadline=None)
    @given(script=steps, cut=st.integers(0, 100), seed=st.integers(0, 2**32))
    def test_a_client_that_dies_loses_nothing(self, script: list[tuple[str, int]], cut: int, seed: int) -> None:
        """Wherever the journal ends, every acknowledged resource that was not removed is in the state, exactly once."""
        entries = journal_of(script)
        received = entries[: cut * len(entries) // 100]

        result = replay(base_state(), batched(received, random.Random(seed)))

        assert must_exist(received) <= urns_of(result)
        assert result.resource_count == len(urns_of(result))
        assert result.damage == ()

    @settings(max_examples=200, deadline=None)
    @given(script=steps, seed=st.integers(0, 2**32))
    def test_lost_entries_lose_nothing_else(self, script: list[tuple[str, int]], seed: int) -> None:
        """When some entries never arrive, the state has every resource with a creation that arrived and a removal that did not."""
        chance = random.Random(seed)
        received = [one for one in journal_of(script) if chance.random() < 0.7]

        result = replay(base_state(), batched(received, chance))

        assert must_exist(received) <= urns_of(result)

    @settings(max_examples=100, deadline=None)
    @given(script=steps, seed=st.integers(0, 2**32))
    def test_arrival_does_not_matter(self, script: list[tuple[str, int]], seed: int) -> None:
        """The same entries give the same text, however their batches are cut, repeated and ordered."""
        entries = journal_of(script)

        result = replay(base_state(), batched(entries, random.Random(seed)))

        assert replay(base_state(), [make_batch(*entries)]) == result


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 12), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["urn", "x"]), inner, max_size=2)),
    max_leaves=5,
) | st.sampled_from(
    [
        "",
        "urn:pulumi:dev::shop::t::n",
        make_resource("a"),
        make_resource("b", aliases=[make_resource("a")["urn"]], parent="urn:pulumi:x", provider="a::b"),
        {"type": "creating", "resource": make_resource("c")},
        [make_resource("d")],
        [{"baseIndex": 0}, {"stateIndex": 0}, {"baseIndex": 1}],
        [{"index": 0, "state": make_resource("e")}, {"operationID": 1, "state": {}}],
        {"resources": [make_resource("f"), 5], "snippets": 3},
    ]
)
members = st.sampled_from(
    "operationID removeOld removeNew pendingReplacementOld pendingReplacementNew deleteOld deleteNew state operation isRefresh "
    "secretsProvider newSnapshot snippets extensionRef extension requiresByteString layout states baseStatePatches "
    "newStatePatches removeOlds future".split()
)
garbage = st.builds(
    lambda known, odd: {**known, **odd},
    st.fixed_dictionaries({"version": st.integers(0, 3), "kind": st.integers(-1, 12), "sequenceID": st.integers(-2, 9)}),
    st.dictionaries(members, values, max_size=6),
)


class TestGarbage:
    @settings(max_examples=400, deadline=None)
    @given(entries=st.lists(garbage, max_size=8))
    def test_any_entries_give_a_deployment(self, entries: list[dict[str, Any]]) -> None:
        """Whatever the entries say, there is a container that can be opened, and the same one every time."""
        batch = make_batch(*entries)

        result = replay(base_state(), [batch])

        document.check_container(result.text)
        assert result.resource_count == document.count_resources(result.text)
        assert replay(base_state(), [batch, batch]) == result

    @settings(max_examples=200, deadline=None)
    @given(batches=st.lists(st.one_of(st.binary(max_size=40), values.map(dump)), max_size=4))
    def test_any_bytes_keep_the_base(self, batches: list[bytes]) -> None:
        """Batches that are no batches leave the base's resources alone."""
        result = replay(base_state(), batches)

        assert must_exist([]) <= urns_of(result)
