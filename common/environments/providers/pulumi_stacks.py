"""`fn::open::pulumi-stacks`: the outputs of stacks, with the rights of the user who opens the environment."""

from common.core.errors import BackendError
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import ANY_OBJECT, STRING, AnySchema, Schema, record_of
from common.environments.language.syntax.number import Number
from common.environments.language.values.json_text import decode_json
from common.environments.language.values.plain import Json
from common.environments.providers.base import Access
from common.stacks.model import StackPath
from common.stacks.state import outputs
from common.stacks.state.outputs import StackOutputs

_STACKS = Schema("object", additional_properties=record_of({"stack": STRING}), min_properties=Number("1"))
INPUTS = Schema("object", properties={"stacks": _STACKS}, required=("stacks",))
OUTPUTS = Schema("object", additional_properties=ANY_OBJECT)
# How a state marks a secret (state.md A.3).
_MARK, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_NESTING_LIMIT = 100
# Each costs a read of a state, whether the stack exists or not.
STACKS_LIMIT = 100


class PulumiStacks:
    """Reads the outputs of stacks of the same organization, which are named `project/stack`."""

    def __init__(self, access: Access) -> None:
        """Read for one caller, and each stack once."""
        self._access = access
        # The outputs of each stack, or the text of the error.
        self._read: dict[str, EscValue | str] = {}

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the outputs of each stack by the name that the definition gives it; raises WorldError."""
        stacks = inputs["stacks"].value
        assert isinstance(stacks, dict)  # noqa: S101 - the schema requires it
        return EscValue({name: self._find(_stack_name(stack)) for name, stack in stacks.items()})

    def _find(self, name: str) -> EscValue:
        if name not in self._read:
            if len(self._read) >= STACKS_LIMIT:
                raise WorldError(f"an environment can read the outputs of at most {STACKS_LIMIT} stacks, with what it imports")
            try:
                self._read[name] = self._outputs(name)
            except WorldError as error:
                self._read[name] = str(error)
        result = self._read[name]
        if isinstance(result, str):
            raise WorldError(result)
        return result

    def _outputs(self, name: str) -> EscValue:
        project, slash, stack = name.partition("/")
        if not (slash and project and stack) or "/" in stack:
            raise WorldError(f"{name[:200]!a} is not a stack: write it as project/stack")
        access = self._access
        try:
            found = outputs.read(access.backend, access.caller, StackPath(access.org, project, stack))
            return _to_value(decode_json(found.text.decode("utf-8", "replace")), found, _NESTING_LIMIT)
        except BackendError as error:
            raise WorldError(f"stack {name[:200]}: {error.detail}") from None
        except ValueError:
            raise WorldError(f"stack {name[:200]}: its outputs cannot be read") from None


def _stack_name(value: EscValue) -> str:
    assert isinstance(value.value, dict)  # noqa: S101 - the schema requires it
    return str(value.value["stack"].value)


def _to_value(content: Json, source: StackOutputs, levels: int) -> EscValue:
    """Return a value of a state; raises ValueError for what is nested too deeply, BadRequest for a secret of another key."""
    if levels < 0:
        raise ValueError("the outputs are nested too deeply")
    if isinstance(content, list):
        return EscValue([_to_value(element, source, levels - 1) for element in content])
    if not isinstance(content, dict):
        return EscValue(content)
    if content.get(_MARK) != _SECRET:
        return EscValue({name: _to_value(member, source, levels - 1) for name, member in content.items()})
    plaintext = content.get("plaintext")
    if not isinstance(plaintext, str):
        plaintext = source.decrypt(str(content.get("ciphertext", "")))
    value = _to_value(decode_json(plaintext), source, levels - 1)
    return EscValue(value.value, secret=True)
