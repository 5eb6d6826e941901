import hashlib
import json
from typing import Any

import pytest

from common.stacks.engine import delta
from common.stacks.engine.delta import DeltaError
from common.stacks.engine.jsontext import BadDocument
from tests.stacks.engine.builders import dump
from tests.stacks.engine.goldens import lines

OLD = '{"version":3,"deployment":{"s":"é\\u003c","n":1.0}}'.encode()


def edit(start: int, end: int, text: str) -> dict[str, Any]:
    position = {"line": 1, "column": 1}
    return {"Span": {"uri": "", "start": position | {"offset": start}, "end": position | {"offset": end}}, "NewText": text}


def request(edits: list[dict[str, Any]] | None, result: bytes, sequence: int = 2) -> bytes:
    digest = hashlib.sha256(result).hexdigest()
    return dump({"version": 3, "checkpointHash": digest, "sequenceNumber": sequence, "deploymentDelta": edits})


def applied(edits: list[dict[str, Any]] | None, result: bytes) -> bytes:
    parsed = delta.parse(request(edits, result))
    return delta.apply(OLD, (parsed.deployment_delta or ()), parsed.checkpoint_hash)


class TestParse:
    def test_members(self) -> None:
        """The request has its hash, number and edits."""
        parsed = delta.parse(request([edit(0, 1, "x")], OLD, sequence=7))

        assert (7, 3, 1) == (parsed.sequence_number, parsed.version, len(parsed.deployment_delta or ()))
        assert (0, 1, "x") == (
            (parsed.deployment_delta or ())[0].span.start.offset,
            (parsed.deployment_delta or ())[0].span.end.offset,
            (parsed.deployment_delta or ())[0].new_text,
        )

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"checkpointHash":"","sequenceNumber":"1"}', b'{"checkpointHash":"\xff"}'])
    def test_what_is_no_delta_is_refused(self, body: bytes) -> None:
        """A body without hash or number, or that is no JSON, is refused."""
        with pytest.raises(BadDocument):
            delta.parse(body)


class TestApply:
    @pytest.mark.parametrize("edits", [None, []])
    def test_no_edits_leave_the_text(self, edits: list[dict[str, Any]] | None) -> None:
        """Without edits the text stays."""
        assert OLD == applied(edits, OLD)

    def test_offsets_count_bytes_of_the_old_text(self) -> None:
        """All edits refer to bytes of the old text, in any order; an insertion precedes the text at its position."""
        start = OLD.index("é".encode())
        edits = [edit(len(OLD), len(OLD), "!"), edit(start, start + 2, "ü"), edit(start, start, "(")]

        wanted = OLD.replace("é".encode(), "(ü".encode()) + b"!"
        assert wanted == applied(edits, wanted)

    @pytest.mark.parametrize(
        "edits",
        [
            [edit(-1, 0, "")],
            [edit(5, 4, "")],
            [edit(0, len(OLD) + 1, "")],
            [edit(0, 10, ""), edit(5, 12, "")],
            [edit(0, 1, "")],
        ],
    )
    def test_what_does_not_fit_is_refused(self, edits: list[dict[str, Any]]) -> None:
        """Edits outside the text, overlapping ones and those that give another text are refused."""
        with pytest.raises(DeltaError):
            applied(edits, OLD)

    def test_vector(self) -> None:
        """The check vector of the protocol's description gives its hash."""
        one = '{"urn":"urn-1","custom":false,"type":""}'
        old = (
            '{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""},'
            f'"metadata":{{}},"resources":[{one}]}}}}'
        )
        body = dump(
            {"deploymentDelta": [edit(121, 161, one + "," + one.replace("1", "2"))], "checkpointHash": "", "sequenceNumber": 1}
        )

        result = delta.apply(
            old.encode(),
            delta.parse(body).deployment_delta or (),
            "5ffa59a4628983b155933e87fd91ef1f5e76cb2dfdd413eefc3bedb52a7ce1c4",
        )

        assert old.replace(one, one + "," + one.replace("1", "2")).encode() == result

    def test_every_golden(self) -> None:
        """Every golden delta gives the reference's text, or is refused where its hash or offsets are bad."""
        for line in lines("delta/cases.jsonl"):
            case = json.loads(line)
            body = {"checkpointHash": case["checkpointHash"], "sequenceNumber": 2, "deploymentDelta": case["edits"]}
            parsed = delta.parse(dump(body))

            try:
                result: bytes | None = delta.apply(case["old"].encode(), (parsed.deployment_delta or ()), parsed.checkpoint_hash)
            except DeltaError:
                result = None

            assert (case["new"].encode() if case["valid"] else None) == result, case["name"]
