"""Providers, rotators, a cipher and a loader that tests of the language use: what upstream's own tests use (esc.md 6.3)."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import (
    Context,
    LoadedEnvironment,
    Provider,
    Rotator,
    World,
    WorldError,
)
from common.environments.language.schemas.schema import (
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    AnySchema,
    Schema,
    array_of,
    one_of,
    record_of,
    tuple_of,
)
from common.environments.language.syntax.number import Number

CONTEXT = {"pulumi": EscValue({"user": EscValue({"id": EscValue("USER_123")})})}


class Rot128:
    """A cipher that adds 128 to each byte."""

    def encrypt(self, plaintext: bytes) -> bytes:
        return bytes((byte + 128) % 256 for byte in plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self.encrypt(ciphertext)


class Loader:
    """Loads environments from texts by their names; `missing` is the error of a name that is not there."""

    def __init__(self, texts: dict[str, str | bytes], missing: str = "environment {name!r} not found") -> None:
        self.texts = texts
        self.missing = missing
        self.edges: list[tuple[str, str, bool]] = []

    def authorize_import(self, importer: str, imported: str, *, importer_is_root: bool) -> None:
        self.edges.append((importer, imported, importer_is_root))

    def load_environment(self, name: str) -> LoadedEnvironment:
        if name not in self.texts:
            raise WorldError(self.missing.format(name=name).replace("'", '"'))
        text = self.texts[name]
        return LoadedEnvironment(name, text if isinstance(text, bytes) else text.encode(), Rot128())


class Test:
    """Returns its inputs; `secret-wrapper` returns them as one secret."""

    def __init__(self, *, schema: AnySchema = True, is_secret: bool = False) -> None:
        self._schema = schema
        self._is_secret = is_secret

    def schema(self) -> tuple[AnySchema, AnySchema]:
        return self._schema, self._schema

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        return EscValue(inputs, secret=self._is_secret)


class Error:
    """Fails with the text it is given."""

    def schema(self) -> tuple[AnySchema, AnySchema]:
        return record_of({"why": STRING}), True

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        raise WorldError(inputs["why"].value)


class Swap:
    """Swaps two strings of its state."""

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        state = record_of({"a": STRING, "b": STRING})
        return True, state, state

    def open(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        return EscValue(state or {})

    def rotate(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        state = state or {}
        return EscValue({"a": state.get("b", EscValue(None)), "b": state.get("a", EscValue(None))})


class Echo:
    """Makes its rotate-only input the current state."""

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        inputs = Schema("object", properties={"next": STRING}, required=("next",), rotate_only=("next",))
        state = Schema("object", properties={"current": STRING, "previous": STRING}, required=("current",))
        return inputs, state, state

    def open(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        state = state or {}
        if not inputs["next"].unknown and inputs["next"].value != state.get("current", EscValue(None)).value:
            raise WorldError("oh no! inputs were evaluated outside of rotation")
        return EscValue(state)

    def rotate(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        if inputs["next"].unknown:
            raise WorldError("oh no! rotateOnly inputs were not evaluated during rotation")
        previous = (state or {}).get("current", EscValue(None))
        return EscValue({"current": inputs["next"], "previous": previous})


class Providers:
    """Finds the providers and rotators above."""

    def load_provider(self, name: str) -> Provider:
        known: dict[str, Provider] = {
            "test": Test(),
            "secret-wrapper": Test(is_secret=True),
            "error": Error(),
            "schema": Test(schema=EVERYTHING),
        }
        if name not in known:
            raise WorldError(f'unknown provider "{name}"')
        return known[name]

    def load_rotator(self, name: str) -> Rotator:
        known: dict[str, Rotator] = {"swap": Swap(), "echo": Echo()}
        if name not in known:
            raise WorldError(f'unknown rotator "{name}"')
        return known[name]


def world(texts: dict[str, str | bytes] | None = None, missing: str = "environment {name!r} not found") -> World:
    """Return a world of the given environments."""
    return World(Loader(texts or {}, missing), Providers(), CONTEXT)


_ONE = Number(1)

# One property for each kind of condition.
EVERYTHING = Schema(
    "object",
    definitions={"defRecord": record_of({"baz": Schema("string", const="qux")})},
    properties={
        "null": NULL,
        "boolean": BOOLEAN,
        "false": Schema("boolean", const=False),
        "true": Schema("boolean", const=True),
        "number": NUMBER,
        "pi": Schema("number", const=Number("3.14")),
        "string": STRING,
        "hello": Schema("string", const="hello"),
        "array": array_of(True),
        "tuple": tuple_of(Schema("string", const="hello"), Schema("string", const="world")),
        "map": Schema("object", additional_properties=True),
        "record": record_of({"foo": STRING}),
        "anyOf": Schema("", any_of=(STRING, NUMBER)),
        "oneOf": one_of(STRING, NUMBER),
        "ref": Schema("", ref="#/$defs/defRecord"),
        "const-array": Schema("array", const=["hello", Number(42)]),
        "const-object": Schema("object", const={"hello": "world"}),
        "enum": Schema("string", enum=("foo", "bar")),
        "never": False,
        "always": True,
        "double": tuple_of(STRING, NUMBER),
        "triple": tuple_of(STRING, NUMBER, BOOLEAN),
        "dependentReq": Schema("object", properties={"foo": STRING, "bar": NUMBER}, dependent_required={"foo": ("bar",)}),
        "multiple": Schema("number", multiple_of=Number(2)),
        "minimum": Schema("number", minimum=_ONE),
        "exclusiveMinimum": Schema("number", exclusive_minimum=_ONE),
        "maximum": Schema("number", maximum=_ONE),
        "exclusiveMaximum": Schema("number", exclusive_maximum=_ONE),
        "minLength": Schema("string", min_length=_ONE),
        "maxLength": Schema("string", max_length=_ONE),
        "pattern": Schema("string", pattern="^foo[0-9]+$"),
        "minItems": Schema("array", min_items=Number(3)),
        "maxItems": Schema("array", max_items=Number(2)),
        "minProperties": Schema("object", min_properties=_ONE),
        "maxProperties": Schema("object", max_properties=_ONE),
    },
)
