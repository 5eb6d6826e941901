import json
from typing import Any

import pytest

from common.stacks.engine import checks, document, journal
from common.stacks.engine.jsontext import BadDocument
from tests.stacks.engine.builders import (
    NOW,
    ROOT,
    VERSION,
    dump,
    entry,
    inner,
    make_batch,
    make_resource,
    make_state,
    names,
    parts,
    play,
    urn,
)
from tests.stacks.engine.canonical import integrity_error

ODD_INPUTS = (
    rb'{"exp":1E5,"big":18446744073709551616,"whole":1.0,"zero":-0.0,"tiny":0.1e-7,'
    rb'"lone":"\ud83d","low":"x\uDC00\\","path":"C:\\ud83d","odd":"\\\ud83d","pair":"\ud83d\ude00","nul":"\u0000","slash":"\/","html":"\u003cb\u003e", "" : [ ] }'
)


def odd_resource(name: str) -> bytes:
    """Return the text of a resource full of spellings that a decoder would normalize."""
    head = b'{"urn":"%b","custom":true,"zFuture":{"b":1,"a":[1.50]},"type":"test:m:Res",' % urn(name).encode()
    return head + b'"inputs":' + ODD_INPUTS + b',"id":"1","outputs":{}}'


class TestBytes:
    """What a replay does not have to change stays as it was written."""

    def test_new_resource_keeps_its_bytes(self) -> None:
        """The state of a new resource is taken over byte for byte: numbers, escapes, member order, unknown members, blanks."""
        odd = odd_resource("odd")
        text = make_batch(b'{"version":1,"kind":1,"sequenceID":2,"operationID":1,"state":' + odd + b"}")

        result = journal.replay(document.EMPTY, parts(text), cli_version=VERSION, now=NOW)

        assert b'"resources":[' + odd + b"]" in result.text
        assert result.damage == ()

    def test_base_resource_keeps_its_bytes(self) -> None:
        """A resource that the update does not touch stays byte for byte as it is in the base."""
        odd = odd_resource("odd")
        base = make_state(make_resource("a")).replace(b'"resources":[', b'"resources":[' + odd + b",")

        result = play(base, entry(1, 1, 1, removeOld=1, state=make_resource("a", protect=True)))

        assert odd in result.text
        assert ["a", "odd"] == names(result.text)

    @pytest.mark.parametrize("mark", ["deleteOld", "pendingReplacementOld"])
    def test_marked_resource_keeps_its_inputs(self, mark: str) -> None:
        """A mark adds one member; the other members keep their bytes and order."""
        base = make_state().replace(b'"resources":[]', b'"resources":[' + odd_resource("odd") + b"]")

        result = play(base, entry(1, 1, 1, **{mark: 0}))

        member = {"deleteOld": b'"delete":true', "pendingReplacementOld": b'"pendingReplacement":true'}[mark]
        assert ODD_INPUTS in result.text
        assert b'"zFuture":{"b":1,"a":[1.50]},"type"' in result.text
        assert b'"outputs":{},' + member + b"}" in result.text

    def test_mended_resource_keeps_its_inputs(self) -> None:
        """A resource that loses a dangling reference in a refresh keeps its inputs byte for byte."""
        dangling = odd_resource("odd").replace(b'"id":"1"', b'"id":"1","dependencies":["urn:gone"]')
        base = make_state().replace(b'"resources":[]', b'"resources":[' + dangling + b"]")

        result = play(base, entry(1, 3, 1, isRefresh=True))

        assert ODD_INPUTS in result.text
        assert b"urn:gone" not in result.text

    def test_pending_operation_keeps_its_bytes(self) -> None:
        """An open operation is recorded byte for byte."""
        operation = b'{"type":"creating","future":1.0,"resource":' + odd_resource("odd") + b"}"

        result = play(document.EMPTY, b'{"version":1,"kind":0,"sequenceID":2,"operationID":1,"operation":' + operation + b"}")

        assert b'"pending_operations":[' + operation + b"]" in result.text

    def test_private_characters_are_not_mistaken_for_hidden_surrogates(self) -> None:
        """A text with a lone surrogate and private use characters keeps both."""
        both = "\U0010fffd\U0010fffc".encode() + rb"\ud83d"
        state = b'{"urn":"%b","custom":true,"id":"1","type":"test:m:Res","inputs":{"v":"%b"}}' % (urn("a").encode(), both)

        result = play(document.EMPTY, b'{"version":1,"kind":1,"sequenceID":2,"operationID":1,"state":' + state + b"}")

        assert state in result.text

    def test_surrogate_in_a_urn_survives_an_edit(self) -> None:
        """A lone surrogate in a member that is written anew keeps its spelling."""
        state = b'{"urn":"urn:pulumi:dev::shop::t:m:R::x\\uD83d","custom":true,"id":"1","type":"t:m:R"}'
        base = make_state().replace(b'"resources":[]', b'"resources":[' + state + b"]")

        result = play(base, entry(1, 1, 1, deleteOld=0))

        assert b'"urn":"urn:pulumi:dev::shop::t:m:R::x\\uD83d"' in result.text

    def test_unknown_members_of_container_and_deployment_stay(self) -> None:
        """Members that only later clients know survive an update, at every level."""
        base = b'{"version":3,"futureOuter":[1.0],"deployment":{"futureInner":{"n":1E5},"resources":[]}}'

        result = play(base, entry(1, 1, 1, state=make_resource("a")))

        assert b'"futureInner":{"n":1E5}' in result.text
        assert b'"futureOuter":[1.0]' in result.text


class TestManifest:
    def test_manifest_names_the_client_and_the_time(self) -> None:
        """The manifest has the client's version, the magic that belongs to it, and the time of the replay in UTC."""
        manifest = inner(play(document.EMPTY).text)["manifest"]

        assert {"time": "2026-01-01T12:00:00.000000Z", "magic": checks.magic(VERSION), "version": VERSION} == manifest

    def test_unknown_client_keeps_the_version_of_the_base(self) -> None:
        """Without a client version the base's stays, with its magic."""
        base = b'{"version":3,"deployment":{"manifest":{"time":"x","magic":"wrong","version":"v3.1.0"}}}'

        manifest = inner(journal.replay(base, [], cli_version="", now=NOW).text)["manifest"]

        assert ("v3.1.0", checks.magic("v3.1.0")) == (manifest["version"], manifest["magic"])

    def test_no_version_anywhere_gives_an_empty_magic(self) -> None:
        """Version and magic may both be empty, which clients accept."""
        manifest = inner(journal.replay(document.EMPTY, [], cli_version="", now=NOW).text)["manifest"]

        assert ("", "") == (manifest["version"], manifest["magic"])


class TestUnchanged:
    def base(self) -> bytes:
        return make_state({"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"}, make_resource("a"), make_resource("b"))

    def same(self, *order: int) -> list[dict[str, Any]]:
        """Return the entries of steps that change nothing, in the given order of base indices."""
        states = inner(self.base())["resources"]
        return [entry(n + 1, 1, n + 1, removeOld=index, state=states[index]) for n, index in enumerate(order)]

    def test_no_entries(self) -> None:
        """An update without entries leaves the base unchanged."""
        assert play(self.base()).unchanged

    def test_same_steps(self) -> None:
        """Steps that change nothing leave the base unchanged; finishing in another order is a change of the order."""
        assert play(self.base(), *self.same(0, 1, 2)).unchanged
        assert not play(self.base(), *self.same(0, 2, 1)).unchanged

    def test_other_spelling_of_the_same_resource(self) -> None:
        """Blanks and the order of a resource's members do not make a change."""
        spaced = json.dumps(dict(reversed(make_resource("a").items()))).encode()
        first, _, last = self.same(0, 1, 2)
        text = b'{"version":1,"kind":1,"sequenceID":2,"operationID":2,"removeOld":1,"state":' + spaced + b"}"

        assert play(self.base(), first, text, last).unchanged

    @pytest.mark.parametrize(
        "entries",
        [
            [entry(1, 1, 1, removeOld=1, state=make_resource("a", outputs={"x": 1}))],
            [entry(1, 1, 1, removeOld=2)],
            [entry(1, 1, 1, state=make_resource("c"))],
            [entry(1, 0, 1, operation={"type": "deleting", "resource": make_resource("a")})],
            [entry(1, 6, secretsProvider={"type": "passphrase", "state": {"salt": "x"}})],
            [entry(1, 99)],
            [entry(1, 1, 1, requiresByteString=True)],
            [entry(1, 9, snippets=[{"uuid": "u"}])],
        ],
    )
    def test_any_other_difference_is_a_change(self, entries: list[dict[str, Any]]) -> None:
        """A changed, removed or new resource, an open operation, another provider, a finding and a feature are changes."""
        assert not play(self.base(), *entries).unchanged

    def test_another_client_version_is_a_change(self) -> None:
        """The manifest's version is part of the state."""
        assert not journal.replay(self.base(), [], cli_version="v3.275.0", now=NOW).unchanged

    def test_repaired_order_is_a_change(self) -> None:
        """An order that a client accepts in place of one that it does not is a change."""
        later = make_resource("b", dependencies=[urn("a")])
        base = make_state(later, make_resource("a"))

        result = play(base, entry(1, 1, 1, removeOld=1, state=make_resource("a")))

        assert ["a", "b"] == names(result.text)
        assert not result.unchanged


class TestDamage:
    def test_unreadable_batch_does_not_hide_the_others(self) -> None:
        """A batch that is no JSON is damage, and the other batches count."""
        good = make_batch(entry(2, 1, 1, state=make_resource("a")))

        result = journal.replay(document.EMPTY, parts(b"\xff{", good, b'{"entries":7}'), cli_version=VERSION, now=NOW)

        assert ["a"] == names(result.text)
        assert 2 == len(result.damage)

    def test_damage_is_recorded_with_version_and_command(self) -> None:
        """The metadata says which client and command left the damage, and keeps its other members."""
        base = make_state(metadata={"other": 1})

        result = journal.replay(base, parts(make_batch(entry(1, 77))), cli_version=VERSION, now=NOW, command="destroy")

        metadata = inner(result.text)["metadata"]
        assert 1 == metadata["other"]
        assert {"version": VERSION, "command": "destroy", "error": "damaged journal: entry 1 is skipped: unknown kind 77"} == (
            metadata["integrity_error"]
        )

    def test_finding_disappears_when_the_state_is_sound_again(self) -> None:
        """An earlier finding is removed by an update that leaves a sound state."""
        base = make_state(make_resource("a"), metadata={"integrity_error": {"error": "old"}})

        assert integrity_error(play(base).text) is None

    def test_first_of_a_sequence_id_counts(self) -> None:
        """Of two entries with one sequence ID the first to arrive counts, whatever the later one says."""
        first, second = (entry(1, 1, 1, state=make_resource(name)) for name in "ab")

        batches = [make_batch(first), make_batch(second)]

        assert ["a"] == names(journal.replay(document.EMPTY, parts(*batches), cli_version=VERSION, now=NOW).text)

    def test_entry_without_sequence_is_damage(self) -> None:
        """An entry without a 64-bit sequence ID has no place in the order and is skipped."""
        lost = {**entry(1, 1, 1, state=make_resource("a")), "sequenceID": None}
        huge = {**entry(1, 1, 1, state=make_resource("a")), "sequenceID": 1 << 64}

        result = play(document.EMPTY, lost, huge)

        assert [] == names(result.text)
        assert ("an entry of kind 1 has no sequence ID",) == result.damage

    def test_long_lists_of_findings_are_cut(self) -> None:
        """A journal that is damaged throughout reports the first findings and how many more there are."""
        result = play(document.EMPTY, *(entry(number, 99) for number in range(1, 201)))

        assert "entry 1 is skipped: unknown kind 99" == result.damage[0]
        assert "and 150 more" == result.damage[-1]
        assert 51 == len(result.damage)

    def test_unreadable_state_leaves_the_creation_pending(self) -> None:
        """A state that no client could read is skipped, and its creation stays on record as unfinished."""
        begin = entry(1, 0, 1, operation={"type": "creating", "resource": make_resource("a")})

        result = play(document.EMPTY, begin, entry(2, 1, 1, state={**make_resource("a"), "custom": "yes"}))

        assert [] == names(result.text)
        assert [urn("a")] == [one["resource"]["urn"] for one in inner(result.text)["pending_operations"]]
        assert 1 == len(result.damage)

    @pytest.mark.parametrize("kind", [3, 4])
    def test_state_of_an_unknown_operation_is_kept(self, kind: int) -> None:
        """A resource is kept if its refresh or outputs arrived, even if its creation did not."""
        result = play(document.EMPTY, entry(5, kind, 9, removeNew=4, state=make_resource("a")))

        assert ["a"] == names(result.text)
        assert 1 == len(result.damage)

    def test_outputs_of_an_unknown_operation_do_not_double_a_resource(self) -> None:
        """A state for an unknown operation is not added to one of the same URN."""
        result = play(make_state(make_resource("a")), entry(5, 4, 9, removeNew=4, state=make_resource("a", protect=True)))

        assert ["a"] == names(result.text)

    @pytest.mark.parametrize(
        "bad",
        [
            entry(2, 5, newSnapshot={"resources": {}}),
            entry(2, 5, newSnapshot=[]),
            entry(2, 6, secretsProvider={"state": {}}),
            entry(2, 6, secretsProvider="service"),
            entry(2, 8, extensionRef="x"),
            entry(2, 8, extension={}),
            entry(2, 9, snippets={}),
            entry(2, 0, 7, operation={"type": "creating"}),
            entry(2, 1, 7, state=[]),
            entry(2, 1, 7, removeOld="0"),
            entry(2, 10, version=2, states=[make_resource("n")]),
            entry(2, 10, version=2, states=[make_resource("n")], layout=[{"stateIndex": 0}, {}]),
            entry(2, 10, version=2, states=[make_resource("n")], layout=[{"stateIndex": 0, "baseIndex": 0}]),
            entry(2, 10, version=2, states=[make_resource("n")], layout=[{"stateIndex": 0}, {"baseIndex": 9}]),
            entry(2, 10, version=2, states=[make_resource("n")], removeOlds=[0, 0]),
            entry(2, 10, version=2, states=[make_resource("n", type="x:y:Z")], layout=[{"stateIndex": 0}, {"baseIndex": 0}]),
        ],
    )
    def test_malformed_entry_is_skipped_as_a_whole(self, bad: dict[str, Any]) -> None:
        """An entry that makes no sense changes nothing but is reported."""
        base = make_state(make_resource("a"), secrets_providers={"type": "b64"}, snippets=[{"uuid": "u"}])

        result = play(base, bad)

        before, after = inner(base), inner(result.text)
        assert 1 == len(result.damage)
        for name in ("resources", "secrets_providers", "snippets", "extensions", "pending_operations"):
            assert before.get(name) == after.get(name)

    def test_unreadable_base_is_an_error(self) -> None:
        """A base that is no container cannot be replayed onto."""
        with pytest.raises(BadDocument):
            journal.replay(b"[]", [], cli_version=VERSION, now=NOW)

    def test_odd_base_is_kept(self) -> None:
        """Resources that no client could read stay in the base as they are, whatever else an update does."""
        base = b'{"version":3,"deployment":{"resources":[7,{"urn":5,"inputs":{"n":1.0}},null,"x"]}}'

        result = play(base, entry(1, 1, 1, state=make_resource("a"), deleteOld=0))

        assert b',7,{"urn":5,"inputs":{"n":1.0}},null,"x"]' in result.text
        assert 5 == result.resource_count


class TestMigration:
    def test_removed_indices_of_an_older_client(self) -> None:
        """The form of 3.261 drops the listed resources and inserts the states where the last of them was."""
        base = make_state(*(make_resource(name) for name in "abcde"))

        result = play(base, entry(1, 10, version=2, states=[make_resource("x"), make_resource("y")], removeOlds=[1, 3]))

        assert ["a", "c", "x", "y", "e"] == names(result.text)
        assert result.damage == ()

    def test_failed_migration_leaves_later_indices_alone(self) -> None:
        """After a migration that is skipped, indices count in the base as it was."""
        base = make_state(make_resource("a"), make_resource("b"))

        result = play(base, entry(1, 10, version=2, states=[], layout=[]), entry(2, 1, 1, removeOld=0))

        assert ["b"] == names(result.text)


class TestFeatures:
    def test_byte_strings_of_the_base_stay_with_its_resources(self) -> None:
        """The base's byteString feature stays while a resource of the base stays, and goes with the last of them."""
        base = make_state(make_resource("a")).replace(b'"version":3,', b'"version":4,"features":["byteString"],', 1)

        kept = json.loads(play(base, entry(1, 1, 1, state=make_resource("b"))).text)
        gone = json.loads(play(base, entry(1, 1, 1, removeOld=0, state=make_resource("a"))).text)

        assert (4, ["byteString"]) == (kept["version"], kept["features"])
        assert (3, None) == (gone["version"], gone.get("features"))

    def test_byte_strings_of_an_empty_state(self) -> None:
        """A state without resources and operations has no byte strings, whatever its journal says."""
        begin = entry(1, 0, 1, requiresByteString=True, operation={"type": "creating", "resource": make_resource("a")})

        assert ["byteString"] == json.loads(play(document.EMPTY, begin).text)["features"]
        assert 3 == json.loads(play(document.EMPTY, begin, entry(2, 2, 1)).text)["version"]

    def test_features_unknown_to_us_stay_with_the_base(self) -> None:
        """A feature that only later clients know protects the base's resources from clients too old for it."""
        base = make_state(make_resource("a")).replace(b'"version":3,', b'"version":4,"features":["later","taint"],', 1)

        assert ["later"] == json.loads(play(base).text)["features"]


class TestFieldReports:
    def test_parent_renamed_by_alias_then_the_update_dies(self) -> None:
        """A component changes its type and the update dies: the children left in the base follow, and so do their users."""
        old, new = urn("net", "app:v1:Net"), urn("net", "app:v2:Net")
        child = urn("sub", "app:v1:Net$app:m:Sub")
        base = make_state(
            {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"},
            {"urn": old, "custom": False, "type": "app:v1:Net", "parent": ROOT},
            {"urn": child, "custom": True, "id": "s", "type": "app:m:Sub", "parent": old},
            make_resource("user", dependencies=[child], propertyDependencies={"p": [child]}, deletedWith=child),
        )
        states = [
            {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"},
            {"urn": new, "custom": False, "type": "app:v2:Net", "parent": ROOT, "aliases": [old]},
        ]

        result = play(base, *(entry(n + 1, 1, n + 1, removeOld=n, state=state) for n, state in enumerate(states)))

        moved = urn("sub", "app:v2:Net$app:m:Sub")
        _root, net, sub, user = inner(result.text)["resources"]
        assert (new, moved, new) == (net["urn"], sub["urn"], sub["parent"])
        assert ([moved], {"p": [moved]}, moved) == (user["dependencies"], user["propertyDependencies"], user["deletedWith"])
        assert b"aliases" not in result.text
        assert integrity_error(result.text) is None

    def test_provider_returned_bytes_that_are_no_text(self) -> None:
        """A created resource with NUL, lone surrogates and a byte-string marker is kept, and the state asks for the feature."""
        outputs = rb'{"gz":"\u001f\u0000\ud83d","m":{"4dabf18193072939515e22adb298388d":"803fd3297a5875dc03ca845dda5d2a98","value":"AP/+"}}'
        head = dump(make_resource("gz"))[:-1]
        text = b'{"version":1,"kind":1,"sequenceID":2,"operationID":1,"requiresByteString":true,"state":'

        result = play(document.EMPTY, text + head + b',"outputs":' + outputs + b"}}")

        assert outputs in result.text
        assert (4, ["byteString"]) == (json.loads(result.text)["version"], json.loads(result.text)["features"])
        document.check_container(result.text)
