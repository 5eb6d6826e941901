import json
from typing import Any

import pytest

from common.stacks.engine import rename
from common.stacks.engine.rename import Names, RenameError
from tests.stacks.engine.builders import ROOT, dump, inner, make_resource, make_state, urn
from tests.stacks.engine.canonical import meaning
from tests.stacks.engine.goldens import lines, member

OLD = Names("acme", "shop", "dev")
NEW = Names("acme", "store", "prod")
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


def moved(text: str) -> str:
    return text.replace("urn:pulumi:dev::shop::", "urn:pulumi:prod::store::")


def reference(name: str) -> dict[str, Any]:
    return {SIGNATURE: REFERENCE, "urn": urn(name), "id": "x"}


def provider_state(**members: str) -> dict[str, Any]:
    state = {"url": "https://stackhold.example.com", "owner": "acme", "project": "shop", "stack": "dev", **members}
    return {"type": "service", "state": state}


class TestResources:
    def test_every_reference_follows(self) -> None:
        """URNs of the old name get the new one wherever a resource or a pending operation holds them."""
        other = urn("b")
        full = make_resource(
            "a",
            parent=ROOT,
            dependencies=[other],
            propertyDependencies={"x": [other], "y": None},
            deletedWith=other,
            replaceWith=[other],
            viewOf=other,
            aliases=[other],
            provider=urn("p", "pulumi:providers:test") + "::id",
        )
        text = make_state(full, pending_operations=[{"type": "creating", "resource": full}])

        found = inner(rename.rename(text, OLD, NEW))

        expected = json.loads(moved(json.dumps(full)).replace("Stack::shop-dev", "Stack::store-prod"))
        assert [expected] == found["resources"]
        assert [{"type": "creating", "resource": expected}] == found["pending_operations"]

    def test_other_stacks_stay(self) -> None:
        """URNs of other stacks and projects are left alone."""
        foreign = ["urn:pulumi:dev::other::t:m:R::x", "urn:pulumi:other::shop::t:m:R::x"]
        text = make_state(make_resource("a", dependencies=foreign))

        assert foreign == inner(rename.rename(text, OLD, NEW))["resources"][0]["dependencies"]

    def test_snippets_follow(self) -> None:
        """References of snippets follow, their code does not."""
        text = make_state(make_resource("a"), snippets=[{"uuid": "1", "code": urn("a"), "references": {"r": urn("a"), "o": "x"}}])

        snippet = inner(rename.rename(text, OLD, NEW))["snippets"][0]

        assert {"uuid": "1", "code": urn("a"), "references": {"r": moved(urn("a")), "o": "x"}} == snippet

    @pytest.mark.parametrize(
        "bad",
        [
            {"urn": "urn-1", "type": "t"},
            make_resource("a", provider="nonsense"),
            make_resource("a", parent="nonsense"),
            make_resource("a", dependencies=["nonsense"]),
        ],
    )
    def test_what_is_no_urn_refuses_the_rename(self, bad: dict[str, Any]) -> None:
        """A state with a reference that cannot be parsed is not renamed."""
        with pytest.raises(RenameError):
            rename.rename(make_state(bad), OLD, NEW)

    @pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"deployment":7}'])
    def test_what_is_no_container_refuses_the_rename(self, text: bytes) -> None:
        """A text that is no container is not renamed."""
        with pytest.raises(RenameError):
            rename.rename(text, OLD, NEW)

    def test_same_name_changes_nothing(self) -> None:
        """A rename to the same name keeps every resource's text."""
        text = make_state(make_resource("a", dependencies=[urn("b")]))

        assert text == rename.rename(text, OLD, OLD)


class TestValues:
    def renamed(self, values: str) -> str:
        """Return the inputs' text after a rename."""
        text = b'{"version":3,"deployment":{"resources":[{"urn":"%b","type":"t","inputs":%b}]}}'
        result = rename.rename(text % (urn("a").encode(), values.encode()), OLD, NEW).decode()
        return result.partition('"inputs":')[2].removesuffix("}]}}")

    def test_only_the_urn_changes(self) -> None:
        """Around a rewritten URN every byte stays: blanks, escapes, numbers, order, lone surrogates."""
        values = r'{ "z":1E5 , "r" : {"id":"\u003c\ud83d","urn" : "URN","SIGNATURE":"REFERENCE"}, "é":-0.0 }'
        values = values.replace("SIGNATURE", SIGNATURE).replace("REFERENCE", REFERENCE)

        assert values.replace("URN", moved(urn("b"))) == self.renamed(values.replace("URN", urn("b")))

    def test_only_references_change(self) -> None:
        """A URN in an ordinary text or member is the program's own and stays."""
        values = json.dumps({"text": urn("b"), "urn": urn("b"), "o": {"urn": urn("b"), "dependencies": [urn("b")]}})

        assert values == self.renamed(values)

    def test_output_values(self) -> None:
        """The dependencies of output values follow, and references inside them."""
        output = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "dependencies": [urn("b"), "x"], "value": reference("c")}

        assert moved(json.dumps([output])) == self.renamed(json.dumps([output]))

    def test_plaintext_secrets(self) -> None:
        """References inside a plaintext secret follow; the rest of its text keeps its spelling."""
        plain = '{ "n": 12345678901234567890, "h": "<b>", "r": ' + json.dumps(reference("b")) + "}"
        secret = {SIGNATURE: SECRET, "plaintext": plain}

        found = json.loads(self.renamed(json.dumps({"s": secret})))

        assert {"s": secret | {"plaintext": moved(plain)}} == found

    @pytest.mark.parametrize("text", ["v1:abc", '{"x": 1}', urn("b"), json.dumps(reference("b"))])
    def test_ciphertexts_stay(self, text: str) -> None:
        """A ciphertext stays as it is, whatever it looks like."""
        values = json.dumps({SIGNATURE: SECRET, "ciphertext": text})

        assert values == self.renamed(values)

    def test_escaped_letters_are_read(self) -> None:
        """A URN that another tool wrote with escapes is still found."""
        values = json.dumps(reference("b")).replace("urn:pulumi", r"\u0075rn\u003apulumi")

        assert json.loads(moved(json.dumps(reference("b")))) == json.loads(self.renamed(values))

    def test_deep_values_are_no_trouble(self) -> None:
        """Values nested a few hundred levels are walked like others."""
        values = "[" * 500 + json.dumps(reference("b")) + "]" * 500

        assert moved(values) == self.renamed(values)


class TestSecretsProvider:
    def renamed(self, provider: dict[str, Any], new: Names = NEW, **options: str) -> dict[str, Any]:
        """Return the secrets provider after a rename."""
        text = make_state(make_resource("a"), secrets_providers=provider)
        found: dict[str, Any] = inner(rename.rename(text, OLD, new, **options))["secrets_providers"]
        return found

    def test_own_place_follows(self) -> None:
        """A service provider that names the old stack names the new one afterwards, with its other members kept."""
        assert provider_state(project="store", stack="prod", extra="1") == self.renamed(provider_state(extra="1"))

    def test_transfer_changes_the_owner(self) -> None:
        """A stack that moves to another organization is decrypted there."""
        assert provider_state(owner="beta") == self.renamed(provider_state(), Names("beta", "shop", "dev"))

    @pytest.mark.parametrize(
        "provider",
        [
            provider_state(owner="other"),
            provider_state(project="other"),
            provider_state(stack="other"),
            {"type": "passphrase", "state": {"owner": "acme", "project": "shop", "stack": "dev"}},
            {"type": "service", "state": {"url": "https://api", "stack": "dev"}},
            {"type": "service"},
        ],
    )
    def test_other_places_stay(self, provider: dict[str, Any]) -> None:
        """A provider that does not name the old stack is opaque."""
        assert provider == self.renamed(provider)

    def test_another_service_stays(self) -> None:
        """With our own address known, a stack of the same name on another service is not renamed."""
        here, there = "stackhold.example.com", "other.example.com"

        assert provider_state() == self.renamed(provider_state(), service_host=there)
        assert provider_state(project="store", stack="prod") == self.renamed(provider_state(), service_host=here)


class TestGoldens:
    def test_every_golden(self) -> None:
        """Every golden state is renamed as the reference does it, or refused where it errs or crashes."""
        failed = [case["name"] for line in lines("rename/cases.jsonl") if not _agrees(case := json.loads(line), line)]

        assert not failed


def _agrees(case: dict[str, Any], line: bytes) -> bool:
    old, new = Names("", case["oldProject"], case["oldStack"]), Names("", case["newProject"], case["newStack"])
    text = b'{"version":3,"deployment":' + member(line, "deployment") + b"}"
    tags = case.get("compare") or []
    try:
        result = rename.rename(text, old, new)
    except RenameError:
        return "expected" not in case or "malformed" in tags
    if "expected" not in case:
        return False
    sides = [meaning(result), meaning(dump({"version": 3, "deployment": case["expected"]}))]
    for side in sides:
        side["resources"] = _secrets_by_value(side["resources"], ciphertexts="secret-text" in tags)
        if "snippet-references" in tags:
            side.pop("snippets")
    return sides[0] == sides[1]


def _secrets_by_value(value: Any, *, ciphertexts: bool) -> Any:
    """Open secrets that hold JSON: the reference spells them anew."""
    if isinstance(value, list):
        return [_secrets_by_value(one, ciphertexts=ciphertexts) for one in value]
    if not isinstance(value, dict):
        return value
    opened = {name: _secrets_by_value(one, ciphertexts=ciphertexts) for name, one in value.items()}
    for name in ("plaintext", *(["ciphertext"] if ciphertexts else [])):
        if opened.get(SIGNATURE) == SECRET and name in opened:
            try:
                opened[name] = json.loads(opened[name], parse_int=float)
            except ValueError:
                continue
    return opened
