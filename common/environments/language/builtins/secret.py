"""`fn::secret`: a secret string, in clear while it is written, as ciphertext once it is saved."""

from common.environments.language import envelope
from common.environments.language.builtins.base import Builtin, Call, unknown
from common.environments.language.environment import EscExpr
from common.environments.language.expressions.collection import Object
from common.environments.language.expressions.literal import StringLiteral
from common.environments.language.interfaces import WorldError
from common.environments.language.model import Evaluator, Exporter, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import STRING, AnySchema

NAME = "fn::secret"


class Plaintext(Builtin):
    """A secret in clear."""

    __slots__ = ("plaintext",)

    PROVISIONAL = STRING

    def __init__(self, call: Call, plaintext: StringLiteral) -> None:
        """Hold the plaintext."""
        super().__init__(call)
        self.plaintext = plaintext

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare the plaintext, which is secret."""
        self.plaintext.declare(evaluator, "", None)
        self.plaintext.is_secret = True

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the plaintext itself."""
        return evaluator.evaluate(self.plaintext, ANYTHING)

    def arg_schema(self) -> AnySchema:
        """Return what the function takes."""
        return True

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return the plaintext, in clear."""
        return exporter.export(self.plaintext)


class Ciphertext(Builtin):
    """A secret as it is saved."""

    __slots__ = ("ciphertext",)

    PROVISIONAL = STRING

    def __init__(self, call: Call, ciphertext: StringLiteral) -> None:
        """Hold the envelope's text."""
        super().__init__(call)
        self.ciphertext = ciphertext

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare the ciphertext."""
        self.ciphertext.declare(evaluator, "", None)
        self.ciphertext.is_secret = True

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the plaintext; in a check that shows no secrets, an unknown."""
        value = unknown(self, STRING)
        value.is_secret = True
        try:
            ciphertext = envelope.decode(self.ciphertext.literal)
        except envelope.InvalidEnvelope as error:
            evaluator.error(self.node, f"invalid ciphertext: {error}")
            return value
        if not evaluator.decrypts_secrets:
            return value
        try:
            plaintext = evaluator.decrypt(ciphertext)
        except WorldError as error:
            evaluator.error(self.node, f"decrypting: {error}")
            return value
        value.repr = plaintext.decode("utf-8", "surrogateescape")
        value.is_unknown = False
        return value

    def arg_schema(self) -> AnySchema:
        """Return what the function takes."""
        return True

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return an object with the ciphertext."""
        return EscExpr(self.call.arg_node.range, object={"ciphertext": exporter.export(self.ciphertext)})


def parse(call: Call) -> Builtin:
    """Return the call; its argument is a string without accesses, or a ciphertext."""
    arg = call.arg
    if isinstance(arg, Object) and len(arg.entries) == 1 and arg.entries[0].name == "ciphertext":
        ciphertext = arg.entries[0].value
        if isinstance(ciphertext, StringLiteral):
            return Ciphertext(call, ciphertext)
    if isinstance(arg, StringLiteral):
        return Plaintext(call, arg)
    call.error("secret values must be string literals")
    return Plaintext(call, StringLiteral(None, ""))
