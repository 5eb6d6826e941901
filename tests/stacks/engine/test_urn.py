import json
import re
from typing import Any

import pytest

from common.stacks.engine import urn
from common.stacks.engine.urn import Urn, UrnError
from tests.stacks.engine.goldens import require_complete


class TestParse:
    def test_name_may_contain_the_delimiter(self) -> None:
        """Everything after the third delimiter is the name; the type is the last of the chain."""
        parsed = urn.parse("urn:pulumi:dev::shop::a:b:C$d:e:F::we::ir$d")

        assert Urn("dev", "shop", "a:b:C$d:e:F", "we::ir$d") == parsed
        assert "d:e:F" == parsed.type
        assert "urn:pulumi:dev::shop::a:b:C$d:e:F::we::ir$d" == str(parsed)

    @pytest.mark.parametrize("text", ["", "urn-1", "urn:pulumi:dev::shop::t", "urn:other:dev::shop::t::n"])
    def test_what_is_no_urn(self, text: str) -> None:
        """A text without prefix or four parts is no URN."""
        with pytest.raises(UrnError):
            urn.parse(text)
        assert urn.find(text) is None

    def test_every_golden(self) -> None:
        """Verdicts, messages and parts agree with the reference's."""
        for case in _table("urn"):
            if not case["valid"]:
                with pytest.raises(UrnError, match=re.escape(case["error"])):
                    urn.parse(case["input"])
                continue
            parsed, parts = urn.parse(case["input"]), case["parts"]
            assert (parts["stack"], parts["project"], parts["qualifiedType"], parts["name"]) == (
                parsed.stack,
                parsed.project,
                parsed.qualified_type,
                parsed.name,
            )
            assert parts["type"] == parsed.type


class TestBelow:
    def test_child_of_another_type(self) -> None:
        """A child's type chain is the parent's and its own last type."""
        child = urn.parse("urn:pulumi:dev::shop::old:m:C$x:m:R::n")

        assert "urn:pulumi:dev::shop::new:m:C$x:m:R::n" == str(child.below("new:m:C"))


class TestParseReference:
    def test_every_golden(self) -> None:
        """Verdicts, messages and parts agree with the reference's; where it crashes we only refuse."""
        for case in _table("providerReference"):
            if not case["valid"]:
                with pytest.raises(UrnError, match="." if case.get("panic") else re.escape(case["error"])):
                    urn.parse_reference(case["input"])
                continue
            parsed = urn.parse_reference(case["input"])
            assert (case["parts"]["urn"], case["parts"]["id"]) == (parsed.urn, parsed.identifier)

    def test_unknown_id(self) -> None:
        """A provider without id is referred to with the token for unknown values."""
        provider = "urn:pulumi:dev::shop::pulumi:providers:aws::p"

        assert f"{provider}::{urn.UNKNOWN}" == str(urn.reference_to(provider, ""))


def _table(name: str) -> list[dict[str, Any]]:
    tables: dict[str, Any] = json.loads((require_complete() / "names.json").read_bytes())["tables"]
    cases: list[dict[str, Any]] = tables[name]["cases"]
    return cases
