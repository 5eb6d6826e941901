"""Where a value fails its schema, and how that is said."""

from common.environments.language.expressions.collection import Array, Object
from common.environments.language.limits import Budget
from common.environments.language.model import Expr
from common.environments.language.schemas.compile import subschema
from common.environments.language.schemas.errors import InvalidSchema
from common.environments.language.schemas.schema import AnySchema, Schema
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.diagnostic import Diagnostic

# One step of a validation, in values that could be made in the same time.
_STEP_COST = 5
ONE_MUST_MATCH = "at least one subschema must match"


class Location:
    """What is blamed for a failure: an expression, and the path from it to the value inside it."""

    __slots__ = ("expr", "is_prefixed", "path")

    def __init__(self, expr: Expr, path: str = "", *, is_prefixed: bool = False) -> None:
        """Blame an expression. With a prefix, the text names the path: the value inside has no expression of its own."""
        self.expr = expr
        self.path = path
        self.is_prefixed = is_prefixed

    def index(self, index: int) -> "Location":
        """Return the location of an element."""
        if isinstance(self.expr, Array) and index < len(self.expr.elements):
            return Location(self.expr.elements[index], paths.join_index("", index))
        return Location(self.expr, paths.join_index(self.path, index), is_prefixed=True)

    def property(self, name: str) -> "Location":
        """Return the location of a property."""
        if isinstance(self.expr, Object) and name in self.expr.properties:
            return Location(self.expr.properties[name], paths.join_key("", name))
        return Location(self.expr, paths.join_key(self.path, name), is_prefixed=True)


class Validator:
    """Collects what is wrong. The definitions that `$ref` names are those of the outermost schema."""

    def __init__(self, definitions: dict[str, AnySchema], budget: Budget) -> None:
        """Begin with nothing wrong."""
        self.definitions = definitions
        self.budget = budget
        self.depth = 0
        self.diagnostics: list[Diagnostic] = []

    def fail(self, location: Location, summary: str) -> bool:
        """Record a failure; False."""
        node = location.expr.node
        text = f"{location.path}: {summary}" if location.is_prefixed else summary
        self.diagnostics.append(Diagnostic(text, node.path, node.range) if node is not None else Diagnostic(text))
        return False

    def enter(self, location: Location) -> bool:
        """Count one step down; False where a schema refers to itself without end."""
        self.budget.spend_values(_STEP_COST)
        if self.depth > self.budget.limits.nesting:
            return self.fail(location, "the schema is nested too deeply")
        return True

    def subschema(self, schema: Schema) -> AnySchema:
        """Return what a schema's `$ref` names."""
        try:
            return subschema(schema.ref, self.definitions)
        except InvalidSchema:
            # Schemas are checked before they are used; one of a value that is not known may come from anywhere.
            return True

    def check_type(self, actual: str, accept: Schema, location: Location) -> bool:
        """Record a failure unless the type is right."""
        if accept.type and actual != accept.type:
            return self.fail(location, f"expected {accept.type}, got {actual}")
        return True
