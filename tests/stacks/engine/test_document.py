import pytest

from common.stacks.engine import document
from common.stacks.engine.document import BadDocument
from tests.stacks.engine.builders import ROOT, make_resource, make_state, names
from tests.stacks.engine.goldens import lines, member

DEEP = b'{"version":3,"deployment":{"resources":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}}"


class TestCheckContainer:
    @pytest.mark.parametrize(
        "text",
        [
            document.EMPTY,
            make_state(make_resource("a")),
            b'{"deployment":{},"version":1}',
            b' {"future":1, "version" : 4 , "deployment" : { } } ',
            rb'{"version":3,"deployment":{"resources":[{"x":"\ud83d"}]}}',
            b'{"version":3,"deployment":{"resources":null}}',
            b'{"version":3,"deployment":{"resources":[7]}}',
        ],
    )
    def test_what_a_client_can_open_is_accepted(self, text: bytes) -> None:
        """A container with a version and a deployment is accepted, whatever its resources are."""
        document.check_container(text)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b"", "JSON object"),
            (b"[]", "JSON object"),
            (b'{"version":3,"deployment":{}', "truncated"),
            (b'{"version":3,"deployment":{"x":NaN}}', "malformed"),
            (b'{"version":3,"deployment":{"x":1.}}', "malformed"),
            (b'{"version":3,"deployment":{"x":"\xff"}}', "UTF-8"),
            (b'\xef\xbb\xbf{"version":3,"deployment":{}}', "JSON object"),
            (b'{"deployment":{}}', "no 'version'"),
            (b'{"version":null,"deployment":{}}', "no 'version'"),
            (b'{"version":0,"deployment":{}}', "from 1 to 4"),
            (b'{"version":5,"deployment":{}}', "from 1 to 4"),
            (b'{"version":30000,"deployment":{}}', "from 1 to 4"),
            (b'{"version":-3,"deployment":{}}', "from 1 to 4"),
            (b'{"version":3.0,"deployment":{}}', "from 1 to 4"),
            (b'{"version":"3","deployment":{}}', "from 1 to 4"),
            (b'{"version":3}', "no 'deployment'"),
            (b'{"version":3,"deployment":null}', "no 'deployment'"),
            (b'{"version":3,"deployment":[]}', "must be an object"),
            (b'{"version":3,"deployment":{"resources":{}}}', "must be a list"),
            (DEEP, "nested too deeply"),
        ],
    )
    def test_anything_else_is_refused_with_a_reason(self, text: bytes, reason: str) -> None:
        """A document that no client could open is refused, and the message says why."""
        with pytest.raises(BadDocument, match=reason):
            document.check_container(text)

    def test_nesting_that_was_accepted_can_be_read_on_a_deeper_stack(self) -> None:
        """What was accepted once is readable later, where the call stack may be deeper."""
        accepted = 0
        for depth in range(100, 5000, 50):
            text = b'{"version":3,"deployment":{"resources":[' + b'{"a":' * depth + b"1" + b"}" * depth + b"]}}"
            try:
                document.check_container(text)
            except BadDocument:
                break
            accepted = depth

        text = b'{"version":3,"deployment":{"resources":[' + b'{"a":' * accepted + b"1" + b"}" * accepted + b"]}}"
        assert accepted >= 100
        assert 1 == _from_deeper(50, text)


def _from_deeper(frames: int, text: bytes) -> int:
    return _from_deeper(frames - 1, text) if frames else document.count_resources(text)


class TestResources:
    def test_each_keeps_its_bytes(self) -> None:
        """Resources are given in order, byte for byte, with their URNs."""
        odd = rb'{ "urn":"urn:x\ud83d", "inputs" : {"n":1E5} }'
        text = make_state(make_resource("a")).replace(b'"resources":[', b'"resources":[' + odd + b",")

        first, second = document.resources(text)

        assert (odd, "urn:x\\ud83d") == (first.text, first.urn)
        assert make_resource("a")["urn"] == second.urn

    @pytest.mark.parametrize(("text", "count"), [(document.EMPTY, 0), (make_state(), 0), (make_state(make_resource("a")), 1)])
    def test_counting(self, text: bytes, count: int) -> None:
        """The number of resources is that of the list, and 0 without a list."""
        assert count == document.count_resources(text)


class TestOutputs:
    def test_root_outputs_keep_their_bytes(self) -> None:
        """The root's outputs and the secrets provider are given byte for byte, secrets sealed."""
        outputs = rb'{"b":1E5,"a":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"x=="},"s":"\ud83d"}'
        root = b'{"urn":"%b","custom":false,"type":"pulumi:pulumi:Stack","outputs":%b}' % (ROOT.encode(), outputs)
        text = make_state(make_resource("a", outputs={"x": 1}), secrets_providers={"type": "service"})
        text = text.replace(b'"resources":[', b'"resources":[' + root + b",")

        assert (outputs, b'{"type":"service"}') == document.outputs(text)

    def test_condemned_root_does_not_count(self) -> None:
        """A root that waits for its deletion is not the stack's."""
        old = {"urn": ROOT, "type": "pulumi:pulumi:Stack", "delete": True, "outputs": {"old": 1}}
        new = {"urn": ROOT, "type": "pulumi:pulumi:Stack", "outputs": {"new": 1}}

        assert (b'{"new":1}', None) == document.outputs(make_state(old, new))

    @pytest.mark.parametrize("text", [document.EMPTY, make_state(make_resource("a")), make_state({"type": 7})])
    def test_no_root_has_no_outputs(self, text: bytes) -> None:
        """A state without root resource has no outputs."""
        assert (None, None) == document.outputs(text)


class TestMembers:
    def test_exact_bytes(self) -> None:
        """A member is cut out as it is written, blanks inside included and around excluded."""
        body = rb'{"version":3, "untypedDeployment" : { "a": [1.0 , "\u003c\ud83d"] } ,"sequenceNumber":1}'

        assert rb'{ "a": [1.0 , "\u003c\ud83d"] }' == document.members(body)["untypedDeployment"]

    @pytest.mark.parametrize("body", [b"[]", b"{", b'{"a":"\xff"}'])
    def test_bad_text_is_refused(self, body: bytes) -> None:
        """A body that is no object is refused."""
        with pytest.raises(BadDocument):
            document.members(body)

    def test_every_verbatim_golden(self) -> None:
        """The deployment in a verbatim request has the bytes that later deltas refer to."""
        import json

        cases = [json.loads(line) for line in lines("delta/cases.jsonl")]
        verbatim = [case for case in cases if case.get("verbatimBody")]

        assert verbatim
        for case in verbatim:
            assert case["old"].encode() == document.members(case["verbatimBody"].encode())["untypedDeployment"]


class TestContainer:
    def test_version_follows_the_features(self) -> None:
        """A deployment with features needs version 4, one without has version 3, unless the caller says otherwise."""
        assert b'{"version":3,"deployment":{ }}' == document.container(b"{ }")
        assert b'{"version":4,"features":["taint"],"deployment":{}}' == document.container(b"{}", features=["taint"])
        assert b'{"version":2,"deployment":{}}' == document.container(b"{}", version=2)


class TestIntegrityGoldens:
    def test_every_deployment_can_be_stored(self) -> None:
        """A state that breaks the snapshot rules is still a container: a server is no judge of an import."""
        for line in lines("integrity/cases.jsonl"):
            text = b'{"version":3,"deployment":' + member(line, "deployment") + b"}"

            document.check_container(text)
            assert len(names(text)) == document.count_resources(text)
