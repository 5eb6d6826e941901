"""What an evaluation returns, in the form in which clients read it. Upstream: environment.go, expr.go, value.go."""

import msgspec

from common.environments.language.schemas.schema import AnySchema
from common.environments.language.syntax.number import Number, encode_number
from common.environments.language.syntax.position import Range

NO_RANGE = Range()


class Trace(msgspec.Struct, gc=False, omit_defaults=True):
    """Where a value comes from: the expression that made it, and the value it was merged over."""

    definition: Range = msgspec.field(name="def")
    base: "EscValue | None" = None


class EscValue(msgspec.Struct, gc=False, omit_defaults=True):
    """A value. `value` is always written; where it is unknown, it is null or a placeholder."""

    value: "EscRepr"
    secret: bool = False
    unknown: bool = False
    trace: Trace = msgspec.field(default_factory=lambda: Trace(NO_RANGE))


# What a value holds: a scalar, or values in a list or by name.
EscRepr = bool | Number | str | list[EscValue] | dict[str, EscValue] | None


class Accessor(msgspec.Struct, gc=False, omit_defaults=True):
    """One step of an access. `value` is the range of what it was resolved to, where that is known."""

    range: Range
    key: str | msgspec.UnsetType = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET
    value: Range | msgspec.UnsetType = msgspec.UNSET


class Interpolation(msgspec.Struct, gc=False, omit_defaults=True):
    """A part of an interpolated string: text, then the access that follows it."""

    text: str = ""
    value: tuple[Accessor, ...] = ()


class AccessExpr(msgspec.Struct, gc=False):
    """The access to a property of a value that is not known."""

    receiver: Range
    accessors: tuple[Accessor, ...]


class BuiltinExpr(msgspec.Struct, gc=False, rename="camel"):
    """A call of a built-in function."""

    name: str
    name_range: Range
    arg_schema: AnySchema
    arg: "EscExpr"


class EscExpr(msgspec.Struct, gc=False, omit_defaults=True, rename="camel"):
    """An expression. At most one member after `base` is set; none of them is null, a missing expression, or empty."""

    range: Range
    schema: AnySchema | None = None
    base: "EscExpr | None" = None
    key_ranges: dict[str, Range] | None = None
    literal: bool | Number | str | msgspec.UnsetType = msgspec.UNSET
    interpolate: tuple[Interpolation, ...] = ()
    symbol: tuple[Accessor, ...] = ()
    access: AccessExpr | None = None
    list: "tuple[EscExpr, ...]" = ()
    object: "dict[str, EscExpr] | None" = None
    builtin: BuiltinExpr | None = None


class ExecutionContext(msgspec.Struct, gc=False):
    """The value of the reserved name `context`."""

    properties: dict[str, EscValue]
    schema: AnySchema


class Environment(msgspec.Struct, gc=False, omit_defaults=True, rename="camel"):
    """An evaluated environment."""

    exprs: dict[str, EscExpr] | None = None
    properties: dict[str, EscValue] | None = None
    schema: AnySchema | None = None
    execution_context: ExecutionContext | None = None


def to_wire(result: object) -> bytes:
    """Return a result as JSON."""
    return msgspec.json.encode(result, enc_hook=encode_number)
