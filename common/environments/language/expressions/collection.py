"""Lists and objects that a document writes out."""

from common.environments.language.environment import EscExpr
from common.environments.language.model import Evaluator, Exporter, Expr, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import ANY_ARRAY, ANY_OBJECT, record_of, tuple_of
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.text import quoted
from common.environments.language.values.build import bounded


class Array(Expr):
    """A list."""

    __slots__ = ("elements",)

    PROVISIONAL = ANY_ARRAY

    def __init__(self, node: Node | None, elements: list[Expr]) -> None:
        """Hold the elements."""
        super().__init__(node)
        self.elements = elements

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare the elements. They override nothing: lists are replaced as a whole."""
        for index, element in enumerate(self.elements):
            element.declare(evaluator, paths.join_index(self.path, index), None)

    def children(self) -> list[Expr]:
        """Return the elements."""
        return self.elements

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the list of the elements' values."""
        if accept is ANYTHING:
            values = [evaluator.evaluate(element, ANYTHING) for element in self.elements]
        else:
            values = [evaluator.evaluate(element, accept.item(index)) for index, element in enumerate(self.elements)]
        return bounded(evaluator, Value(self, tuple_of(*(value.schema for value in values)), values))

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the elements."""
        exported = exporter.start(self)
        exported.list = tuple(exporter.export(element) for element in self.elements)
        return exported


class Entry:
    """A member of an object as it is written; `name` is None for a key that is no plain text."""

    __slots__ = ("key", "name", "value")

    def __init__(self, key: Node, name: str | None, value: Expr) -> None:
        """Hold the key's node, its name and the value."""
        self.key = key
        self.name = name
        self.value = value


class Object(Expr):
    """An object."""

    __slots__ = ("entries", "properties")

    PROVISIONAL = ANY_OBJECT

    def __init__(self, node: Node | None, entries: list[Entry]) -> None:
        """Hold the members as written."""
        super().__init__(node)
        self.entries = entries
        self.properties: dict[str, Expr] = {}

    def find(self, name: str) -> Expr | None:
        """Return the last member with this name as it is written, or None."""
        return next((entry.value for entry in reversed(self.entries) if entry.name == name), None)

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare the members, each over the member of the base with its name. Of duplicates the first counts."""
        base, properties = self.base, {}
        for entry in self.entries:
            name = entry.name
            if name is None:
                continue
            if name in properties:
                evaluator.error(entry.key, f"duplicate key {quoted(name)}")
                continue
            properties[name] = entry.value
            below = base.property(name, entry.key) if base is not None else None
            entry.value.declare(evaluator, self.member_path(name), below)
        self.properties = properties

    def children(self) -> list[Expr]:
        """Return the members' values."""
        return [entry.value for entry in self.entries]

    def member_path(self, name: str) -> str:
        """Return the path of a member."""
        return paths.join_key(self.path, name)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the object of the members' values, evaluated in order of their names."""
        names = sorted(self.properties)
        if accept is ANYTHING:
            values = {name: evaluator.evaluate(self.properties[name], ANYTHING) for name in names}
        else:
            values = {name: evaluator.evaluate(self.properties[name], accept.property(name)) for name in names}
        return bounded(evaluator, Value(self, record_of({name: value.schema for name, value in values.items()}), values))

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the members and the ranges of their keys."""
        exported = exporter.start(self)
        if self.entries:
            exported.key_ranges = {entry.name: entry.key.range for entry in self.entries if entry.name is not None} or None
            exported.object = {name: exporter.export(value) for name, value in self.properties.items()} or None
        return exported


class Root(Object):
    """The values of an environment. Paths begin with a member's name, as it is written."""

    __slots__ = ()

    def __init__(self, name: str, entries: list[Entry]) -> None:
        """Hold the values of an environment with a name, under which cycles are reported."""
        super().__init__(None, entries)
        self.path = f"<{name}>"

    def member_path(self, name: str) -> str:
        """Return the name."""
        return name
