"""The definition of an environment: its description, its imports and its values. Upstream: ast/environment.go."""

from collections.abc import Callable, Iterator

from common.environments.language import spelling
from common.environments.language.expressions.collection import Entry
from common.environments.language.expressions.literal import Literal
from common.environments.language.limits import Limits
from common.environments.language.parse import PREFIX, parse_expr
from common.environments.language.syntax.decode import decode
from common.environments.language.syntax.diagnostic import Diagnostic, Severity, has_errors
from common.environments.language.syntax.node import ArrayNode, BooleanNode, Node, NullNode, ObjectNode, StringNode
from common.environments.language.syntax.text import quoted

_FIELDS = ("description", "imports", "values")


class Import:
    """An import: the name as written, where it is written, and whether its values are merged."""

    __slots__ = ("is_merged", "name", "node")

    def __init__(self, node: StringNode) -> None:
        """Import what a string names."""
        self.node = node
        self.name = node.text
        self.is_merged = True


class Definition:
    """A parsed definition. Evaluate it as often as you like, but not at the same time."""

    __slots__ = ("diagnostics", "imports", "name", "values")

    def __init__(self, name: str) -> None:
        """Begin empty."""
        self.name = name
        self.diagnostics: list[Diagnostic] = []
        self.imports: list[Import] = []
        self.values: list[Entry] = []

    @property
    def has_errors(self) -> bool:
        """Whether anything in it is wrong."""
        return has_errors(self.diagnostics)


def load(name: str, text: bytes, limits: Limits) -> tuple[Definition | None, list[Diagnostic]]:
    """Return a definition with its problems; None where the text is no YAML, so that there is nothing to evaluate."""
    decoded = decode(name, text, limits)
    if has_errors(decoded.diagnostics):
        return None, decoded.diagnostics
    definition = Definition(name)
    if decoded.is_empty:
        return definition, definition.diagnostics
    root = decoded.root
    if isinstance(root, ObjectNode):
        _DefinitionParser(definition).parse(root)
    else:
        # A root that is null is reported without its place, as upstream does.
        place = None if isinstance(root, NullNode) else root
        definition.diagnostics.append(_error(place, "environment must be an object"))
    return definition, definition.diagnostics


class _DefinitionParser:
    """Parses the root of a document."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.report = definition.diagnostics.append

    def parse(self, root: ObjectNode) -> None:
        fields: dict[str, Callable[[Node], None]] = {
            "description": self.description,
            "imports": self.imports,
            "values": self.values,
        }
        for key, node in self.members(root):
            field = fields.get(key.text.lower())
            if field is not None:
                field(node)
                continue
            names = ", ".join(f"'{name}'" for name in spelling.by_distance(key.text, _FIELDS, wrap="'"))
            summary = f"Field '{key.text}' does not exist on Object 'environment'. Existing fields are: {names}"
            self.report(_warning(key, summary))

    def members(self, node: ObjectNode) -> Iterator[tuple[StringNode, Node]]:
        """Yield the members of a record, after a warning for each repeated key."""
        seen: set[str] = set()
        for key, value in node.entries:
            if key.text in seen:
                self.report(_warning(key, f"duplicate key {quoted(key.text)}"))
            seen.add(key.text)
            yield key, value

    def description(self, node: Node) -> None:
        """Require plain text; it means nothing to the evaluation."""
        expr = parse_expr(node, self.report)
        if not isinstance(expr, Literal) or not isinstance(node, StringNode):
            self.report(_error(node, "description must be a string"))

    def imports(self, node: Node) -> None:
        self.definition.imports = []
        if not isinstance(node, ArrayNode):
            self.report(_error(node, "imports must be a list"))
            return
        for element in node.elements:
            if isinstance(element, StringNode):
                self.definition.imports.append(Import(element))
            elif isinstance(element, ObjectNode):
                self.import_with_options(element)
            else:
                self.report(_error(element, "import must be a string or an object"))

    def import_with_options(self, node: ObjectNode) -> None:
        if len(node.entries) != 1:
            self.report(_error(node, "import must have a single key"))
            return
        key, options = node.entries[0]
        entry = Import(key)
        self.definition.imports.append(entry)
        if not isinstance(options, ObjectNode):
            self.report(_error(options, "import must be an object"))
            return
        for option, value in self.members(options):
            if option.text.lower() != "merge":
                continue
            entry.is_merged = isinstance(value, BooleanNode) and value.value
            if not isinstance(value, BooleanNode):
                parse_expr(value, self.report)
                self.report(_error(value, "merge must be a boolean value"))

    def values(self, node: Node) -> None:
        self.definition.values = []
        if not isinstance(node, ObjectNode):
            self.report(_error(node, "values must be an object"))
            return
        for key, value in node.entries:
            if key.text.startswith(PREFIX):
                self.report(_error(key, f"builtin function call {quoted(key.text)} not allowed at the top level"))
            self.definition.values.append(Entry(key, key.text, parse_expr(value, self.report)))


def _error(node: Node | None, summary: str) -> Diagnostic:
    return Diagnostic(summary, node.path, node.range) if node is not None else Diagnostic(summary)


def _warning(node: Node, summary: str) -> Diagnostic:
    return Diagnostic(summary, node.path, node.range, Severity.WARNING)
