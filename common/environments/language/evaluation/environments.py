"""Evaluates an environment with what it imports. Each environment of the closure is evaluated once. Upstream: eval/eval.go."""

from common.environments.language.definition import Definition, Import, load
from common.environments.language.environment import EscValue
from common.environments.language.evaluation.access import Resolver
from common.environments.language.evaluation.evaluator import EnvironmentEvaluator, Shared
from common.environments.language.expressions.collection import Object, Root
from common.environments.language.expressions.literal import Placeholder
from common.environments.language.interfaces import ANONYMOUS, Context, Decrypter, WorldError
from common.environments.language.model import Value
from common.environments.language.schemas.narrow import ANYTHING
from common.environments.language.schemas.schema import record_of
from common.environments.language.syntax.diagnostic import has_errors
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.text import quoted
from common.environments.language.values import build

# How deep expressions of the innermost import may still be.
_ROOM_FOR_VALUES = 16
_RESERVED = frozenset({"context", "environments", "imports"})


class EvaluatedEnvironment:
    """The root of an environment with its value, and the value of its context."""

    __slots__ = ("context", "root", "value")

    def __init__(self, root: Object, value: Value, context: Value) -> None:
        """Hold all three."""
        self.root = root
        self.value = value
        self.context = context


def evaluate(
    shared: Shared, definition: Definition, name: str, decrypter: Decrypter, root_name: str, *, is_root: bool
) -> EvaluatedEnvironment:
    """Evaluate a definition under its full name; `root_name` is that of the environment the evaluation began with."""
    run = _Run(shared, definition, name, decrypter, root_name, is_root=is_root)
    return run.evaluate()


class _Run:
    """The evaluation of one environment."""

    def __init__(
        self, shared: Shared, definition: Definition, name: str, decrypter: Decrypter, root_name: str, *, is_root: bool
    ) -> None:
        self.shared = shared
        self.definition = definition
        self.name = name
        # Below a document without a name, each environment is the root of what it imports.
        self.root_name = name if root_name in {ANONYMOUS, ""} else root_name
        self.resolver = Resolver(self.import_environment)
        context = Context(_context(shared, name, self.root_name), self.root_name, name)
        self.evaluator = EnvironmentEvaluator(shared, context, decrypter, self.resolver, is_root=is_root)
        self.is_root = is_root

    def evaluate(self) -> EvaluatedEnvironment:
        context = EscValue(self.evaluator.context.values)
        self.resolver.context = build.unexport(context, Placeholder(None), self.shared.budget)
        base = self.evaluate_imports()
        root = self.declare(base)
        self.resolver.root = root
        return EvaluatedEnvironment(root, self.evaluator.evaluate(root, ANYTHING), self.resolver.context)

    def declare(self, base: Value | None) -> Object:
        """Declare the values over what was imported, without those that have reserved names."""
        entries = []
        for entry in self.definition.values:
            if entry.name in _RESERVED:
                self.evaluator.error(entry.key, f"{quoted(entry.name or '')} is a reserved key")
            else:
                entries.append(entry)
        root = Root(self.name, entries)
        root.declare(self.evaluator, root.path, base)
        return root

    def evaluate_imports(self) -> Value | None:
        """Evaluate imports in order; return what they make together."""
        base: Value | None = None
        values: dict[str, Value] = {}
        for entry in self.definition.imports:
            value = self.import_environment(entry.node, entry.name)
            if value is None:
                continue
            values[entry.name] = value
            if entry.is_merged:
                base = self.merge(entry, value, base)
        definition = Placeholder(None)
        definition.schema = record_of({name: value.schema for name, value in values.items()})
        self.resolver.imports = Value(definition, definition.schema, values)
        self.resolver.imports.depth = 1 + max((value.depth for value in values.values()), default=0)
        return base

    def merge(self, entry: Import, value: Value, base: Value | None) -> Value | None:
        """Return an imported value over what was imported before."""
        limit = self.shared.budget.limits.imports
        if value.chain + (base.chain + 1 if base is not None else 0) > limit:
            self.evaluator.error(entry.node, f"the environment merges more than {limit} environments")
            return base
        merged = build.copy(value, self.shared.budget)
        merged.merge(base)
        return merged

    def import_environment(self, node: Node | None, name: str) -> Value | None:
        """Return the value of an environment, evaluating it if that has not happened; None after an error."""
        imports = self.shared.imports
        try:
            environments = self.shared.world.environments
            environments.authorize_import(self.name, name, importer_is_root=self.is_root)
            if name in imports:
                value = imports[name]
                if value is None:
                    self.evaluator.error(node, f"cyclic import of {name}")
                return value
            limit = self.shared.budget.limits.imports
            if self.shared.loaded >= limit:
                self.evaluator.error(node, f"the environment imports more than {limit} environments")
                return None
            self.shared.loaded += 1
            loaded = environments.load_environment(name)
        except WorldError as error:
            self.evaluator.error(node, str(error))
            return None
        definition, diagnostics = load(loaded.name, loaded.text, self.shared.budget.limits)
        self.shared.diagnostics += diagnostics
        if definition is None or has_errors(diagnostics):
            return None
        return self.evaluate_import(node, name, loaded.name, definition, loaded.decrypter)

    def evaluate_import(
        self, node: Node | None, name: str, full_name: str, definition: Definition, decrypter: Decrypter
    ) -> Value | None:
        budget = self.shared.budget
        if budget.depth + 2 > budget.limits.references - _ROOM_FOR_VALUES:
            self.evaluator.error(node, "the environment's imports are nested too deeply")
            return None
        budget.depth += 2
        self.shared.imports[name] = None
        try:
            value = evaluate(self.shared, definition, full_name, decrypter, self.root_name, is_root=False).value
        finally:
            budget.depth -= 2
        self.shared.imports[name] = value
        return value


def _context(shared: Shared, name: str, root_name: str) -> dict[str, EscValue]:
    """Return the members of the reserved name `context`."""
    return {
        **shared.world.context,
        "currentEnvironment": EscValue({"name": EscValue(name)}),
        "rootEnvironment": EscValue({"name": EscValue(root_name)}),
    }
