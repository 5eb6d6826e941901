"""The messages between the Azure Functions host and its Python worker, as far as HTTP and timers need them.

The worker's library is handed a module of messages, which the platform generates from its protocol; this takes its place.
Runs under the platform's Python, so it imports nothing of this repository.
"""

from types import SimpleNamespace
from typing import Any


class TypedData:
    """One value of one of several kinds; `data` is the name of the choice."""

    def __init__(self, **kind: Any) -> None:
        self._kind = next(iter(kind), None)
        vars(self).update(kind)

    def WhichOneof(self, _choice: str) -> str | None:  # noqa: N802 - as generated messages have it
        """The kind of value that is set."""
        return self._kind


class ParameterBinding:
    """A named argument."""

    def __init__(self, name: str, data: TypedData) -> None:
        self.name, self.data = name, data

    def WhichOneof(self, _choice: str) -> str:  # noqa: N802 - as above
        """Where the value is: in the message itself."""
        return "data"


class RpcHttp(SimpleNamespace):
    """A request or an answer."""


class RpcHttpCookie(SimpleNamespace):
    """A cookie of an answer."""

    SameSite = SimpleNamespace(**{"None": "", "Lax": "lax", "Strict": "strict", "ExplicitNone": "none"})


class BindingInfo(SimpleNamespace):
    """What a function declares of a parameter."""

    undefined = 0
    out = 1
    inout = 2


class StatusResult(SimpleNamespace):
    """How a call of the worker went."""

    Failure = 0
    Success = 1


class WorkerInitResponse(SimpleNamespace):
    """What the worker says once it has read the app."""


class WorkerMetadata(SimpleNamespace):
    """What the worker is."""


class FunctionMetadataResponse(SimpleNamespace):
    """The functions of an app."""


class RpcFunctionMetadata(SimpleNamespace):
    """One function."""


class FunctionLoadResponse(SimpleNamespace):
    """What the worker says once it has a function at hand."""


class InvocationResponse(SimpleNamespace):
    """What a function gave back."""


class RpcException(SimpleNamespace):
    """What a function raised."""


class NullableString(SimpleNamespace):
    """A text that may be absent."""


class NullableBool(SimpleNamespace):
    """A switch that may be absent."""


class NullableDouble(SimpleNamespace):
    """A number that may be absent."""


class NullableTimestamp(SimpleNamespace):
    """A time that may be absent."""
