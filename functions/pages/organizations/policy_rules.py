"""The match rule of a policy group as people write it: a condition on one tag in each line, of which all must hold, or any.

    env=prod        the tag has this value
    env!=prod       it has another one, or the stack has no such tag
    env             the stack has the tag
    !env            it has not

Other rules are shown in words, and edited as JSON.
"""

from dataclasses import dataclass

import msgspec

from common.core.errors import BadRequest
from common.rights import descriptor as d
from functions.pages.organizations.role_rules import describe

ALL, ANY = "all", "any"


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule as its form has it: `lines` is empty for a rule that lines cannot say, which is in `json` alone."""

    join: str = ALL
    lines: str = ""
    json: str = ""
    words: str = ""


def read_rule(rule: str | None) -> RuleForm:
    """Return a stored rule for its form."""
    if rule is None:
        return RuleForm()
    condition = d.decode_condition(rule.encode(), d.Stack)
    text = msgspec.json.format(rule.encode(), indent=2).decode()
    for join, kind in ((ALL, d.And), (ANY, d.Or)):
        lines = [_line(part) for part in _parts(condition, kind)]
        if all(line is not None and _is_kept(line) for line in lines):
            return RuleForm(join, "\n".join(filter(None, lines)), text, describe(condition))
    return RuleForm(ALL, "", text, describe(condition))


def make_rule(join: str, lines: str) -> str:
    """Return the JSON text of the rule that lines say; BadRequest for none, or one that says nothing."""
    conditions = [_condition(line.strip()) for line in lines.splitlines() if line.strip()]
    if not conditions:
        raise BadRequest("write at least one condition on a tag, such as env=prod")
    rule = conditions[0]
    for condition in conditions[1:]:
        rule = d.Or(left=rule, right=condition) if join == ANY else d.And(left=rule, right=condition)
    return msgspec.json.encode(rule).decode()


def _parts(condition: d.Boolean, kind: type[d.And] | type[d.Or]) -> list[d.Boolean]:
    parts: list[d.Boolean] = []
    waiting: list[d.Boolean | None] = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kind):
            waiting += [part.right, part.left]
        elif part is not None:
            parts.append(part)
    return parts


def _line(condition: d.Boolean) -> str | None:
    match condition:
        case d.HasTag(d.Stack(), str(key)):
            return key
        case d.Not(d.HasTag(d.Stack(), str(key))):
            return f"!{key}"
        case d.Equal(d.Tag(d.Stack(), str(key)), d.LiteralString(str(value))):
            return f"{key}={value}"
        case d.Not(d.Equal(d.Tag(d.Stack(), str(key)), d.LiteralString(str(value)))):
            return f"{key}!={value}"
        case _:
            return None


def _is_kept(line: str) -> bool:
    """Tell whether a line is read as the condition that it was made of."""
    return line.splitlines() == [line.strip()] and _line(_condition(line)) == line


def _condition(line: str) -> d.Boolean:
    name, has_value, value = line.partition("=")
    is_negated = name.endswith("!") if has_value else name.startswith("!")
    key = name.strip("!").strip()
    if not key:
        raise BadRequest(f"{line[:100]!a} names no tag; write a condition such as env=prod")
    tagged: d.Boolean = d.HasTag(context=d.Stack(), key=key)
    if has_value:
        tagged = d.Equal(left=d.Tag(context=d.Stack(), key=key), right=d.LiteralString(value=value.strip()))
    return d.Not(node=tagged) if is_negated else tagged
