"""Built-in functions whose argument is an object with certain members."""

from common.environments.language.builtins.base import Call
from common.environments.language.expressions.collection import Object
from common.environments.language.expressions.literal import Missing, StringLiteral
from common.environments.language.model import Expr


def provider_name(call: Call, arguments: Object) -> str | None:
    """Return the name of a provider, which is written as plain text; report where it is missing or computed."""
    provider = arguments.find("provider")
    if isinstance(provider, StringLiteral):
        return provider.literal
    if provider is None:
        call.error("missing provider name ('provider')")
    else:
        call.error("provider name must be a string literal", provider.node)
    return None


def required(call: Call, arguments: Object, name: str, problem: str) -> Expr:
    """Return a member; where it is missing, report that and return a missing expression."""
    member = arguments.find(name)
    if member is None:
        call.error(problem)
        return Missing()
    return member
