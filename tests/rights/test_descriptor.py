import json
from typing import Any

import pytest

from common.core.errors import BadRequest
from common.rights import descriptor as d
from common.rights.descriptor import DEPTH_LIMIT, GROUP_LIMIT, TEXT_LIMIT_BYTES
from common.rights.permissions import Permission

READ, WRITE = Permission.STACK_READ, Permission.STACK_WRITE


def text_of(kind: str, **members: Any) -> bytes:
    """Return the JSON text of a node."""
    return json.dumps({"__type": kind, **members}).encode()


def nested(depth: int) -> bytes:
    """Return groups within each other."""
    return b'{"__type":"PermissionDescriptorGroup","entries":[' * depth + b"]}" * depth


class TestDecode:
    def test_reads_every_node_of_the_grammar(self) -> None:
        """Every type name that clients send is known, and comes out as it went in."""
        stack = {"__type": "PermissionExpressionStack"}
        literals: list[tuple[str, dict[str, Any]]] = [
            ("Bool", {"value": True}),
            ("String", {"value": "x"}),
            ("Number", {"value": 1.5}),
            ("Stack", {"identity": "s"}),
            ("Environment", {"identity": "e"}),
            ("InsightsAccount", {"identity": "a"}),
            ("Team", {"identity": "t"}),
        ]
        contexts = [{"__type": f"PermissionExpression{name}"} for name in ("Stack", "Environment", "InsightsAccount", "Team")]
        sets = [
            {"__type": f"PermissionSetExpression{name}", "identities": ["i"]}
            for name in ("Stack", "Environment", "InsightsAccount", "Team")
        ]
        values = [
            *({"__type": f"PermissionLiteralExpression{name}", **members} for name, members in literals),
            *contexts,
            *({"__type": "PermissionExpressionTag", "context": context, "key": "env"} for context in contexts),
        ]
        conditions: list[dict[str, Any]] = [
            *({"__type": "PermissionExpressionEqual", "left": value, "right": value} for value in values),
            *({"__type": "PermissionExpressionIn", "target": stack, "values": of} for of in sets),
            {
                "__type": "PermissionExpressionIn",
                "target": stack,
                "values": {"__type": "PermissionSetExpressionString", "values": ["v"]},
            },
            {"__type": "PermissionExpressionHasTag", "context": stack, "key": "env"},
        ]
        conditions += [{"__type": "PermissionExpressionNot", "node": conditions[0]}]
        conditions += [
            {"__type": f"PermissionExpression{name}", "left": conditions[0], "right": conditions[1]} for name in ("And", "Or")
        ]
        allow = {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"], "constraints": {"MaxOpenDuration": 5}}
        compose = {"__type": "PermissionDescriptorCompose", "permissionDescriptors": ["id"]}
        entries = [
            *({"__type": "PermissionDescriptorCondition", "condition": one, "subNode": allow} for one in conditions),
            {
                "__type": "PermissionDescriptorIfThenElse",
                "condition": conditions[0],
                "subNodeForTrue": allow,
                "subNodeForFalse": compose,
            },
            {"__type": "PermissionDescriptorSelect", "selector": values[-1], "options": [{"value": values[1], "node": allow}]},
        ]
        sent = {"__type": "PermissionDescriptorGroup", "entries": entries}

        assert sent == json.loads(d.encode(d.decode(json.dumps(sent).encode())))

    def test_takes_null_for_absent(self) -> None:
        """Clients send null for what they leave out."""
        sent = text_of("PermissionDescriptorAllow", permissions=["stack:read"], constraints=None)

        assert d.Allow(permissions=[READ]) == d.decode(sent)
        assert d.Group() == d.decode(text_of("PermissionDescriptorGroup", entries=None))

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"__type":"Nonsense"}',
            b'{"__type":"PermissionDescriptorAllow","permissions":"x"}',
            text_of("PermissionDescriptorAllow", permissions=["stack:fly"]),
            text_of("PermissionExpressionStack"),
            text_of("PermissionDescriptorGroup", entries=[None]),
            b'{"__type":null}',
            b'{"__type":"PermissionDescriptorAllow"',
        ],
        ids=lambda text: text[:40].decode(),
    )
    def test_refuses_what_is_not_of_the_grammar(self, text: bytes) -> None:
        """Anything else is the client's mistake."""
        with pytest.raises(BadRequest, match="invalid permission descriptor"):
            d.decode(text)

    @pytest.mark.parametrize(
        ("text", "lacking"),
        [
            (text_of("PermissionDescriptorCondition", subNode=json.loads(text_of("PermissionDescriptorAllow"))), "condition"),
            (text_of("PermissionDescriptorSelect"), "selector"),
            (text_of("PermissionDescriptorIfThenElse"), "condition"),
            (text_of("PermissionDescriptorSelect", selector={"__type": "PermissionExpressionStack"}, options=[{}]), "value"),
            (text_of("PermissionDescriptorIfThenElse", condition={"__type": "PermissionExpressionNot"}), "node"),
            (text_of("PermissionDescriptorIfThenElse", condition={"__type": "PermissionExpressionHasTag"}), "context"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_refuses_a_node_without_meaning(self, text: bytes, lacking: str) -> None:
        """A condition without a condition is refused rather than guessed."""
        with pytest.raises(BadRequest, match=f"needs `{lacking}`"):
            d.decode(text)

    def test_bounds_groups_depth_and_size(self) -> None:
        """2,000 entries, 64 levels and a megabyte pass; one more of each does not."""
        allow = {"__type": "PermissionDescriptorAllow"}
        d.decode(text_of("PermissionDescriptorGroup", entries=[allow] * GROUP_LIMIT))
        d.decode(nested(DEPTH_LIMIT))
        d.decode(text_of("PermissionDescriptorAllow").ljust(TEXT_LIMIT_BYTES))

        with pytest.raises(BadRequest, match="2,001"):
            d.decode(text_of("PermissionDescriptorGroup", entries=[allow] * (GROUP_LIMIT + 1)))
        with pytest.raises(BadRequest, match="64 deep"):
            d.decode(nested(DEPTH_LIMIT + 1))
        with pytest.raises(BadRequest, match="1,048,576 bytes"):
            d.decode(text_of("PermissionDescriptorAllow").ljust(TEXT_LIMIT_BYTES + 1))

    @pytest.mark.parametrize("depth", [500, 5_000, 20_000])
    def test_refuses_any_depth_with_words(self, depth: int) -> None:
        """However deep a tree is, it is refused as such and not by an accident."""
        with pytest.raises(BadRequest, match="nested"):
            d.decode(nested(depth))


class TestReferences:
    def test_names_each_as_often_as_it_is_composed(self) -> None:
        """What is composed twice counts twice, since it is written out twice."""
        twice = d.Group(entries=[d.Compose(permission_descriptors=["a", "b"]), d.Compose(permission_descriptors=["a"])])

        assert ["a", "b", "a"] == d.references(twice)
        assert [] == d.references(d.Compose())


class TestAllowed:
    def test_counts_what_any_branch_gives(self) -> None:
        """Conditions do not make a permission smaller."""
        branches = d.IfThenElse(
            condition=d.LiteralBool(),
            sub_node_for_true=d.Allow(permissions=[READ]),
            sub_node_for_false=d.Allow(permissions=[WRITE]),
        )

        assert {READ, WRITE} == d.all_permissions(branches)


class TestResolve:
    def test_puts_in_what_is_composed_wherever_it_stands(self) -> None:
        """Every kind of node passes on to its subtrees."""
        compose = d.Compose(permission_descriptors=["a"])
        tree = d.Group(
            entries=[
                compose,
                d.Condition(condition=d.LiteralBool(value=True), sub_node=compose),
                d.IfThenElse(condition=d.LiteralBool(), sub_node_for_true=compose, sub_node_for_false=compose),
                d.Select(
                    selector=d.Stack(),
                    options=[d.Option(value=d.LiteralStack(identity="s"), node=compose), d.Option(value=d.Stack())],
                ),
            ],
        )
        resolved = d.resolve(tree, {"a": d.Allow(permissions=[READ])})

        assert [] == d.references(resolved)
        assert 5 == d.encode(resolved).count('"stack:read"')

    def test_refuses_an_unknown_record(self) -> None:
        """A record that is not there is the client's mistake, and is named."""
        with pytest.raises(BadRequest, match="'nope' not found"):
            d.resolve(d.Compose(permission_descriptors=["nope"]), {})
