"""Measures and traces every SQL statement, by SQLAlchemy's events.

The instrumentation that OpenTelemetry publishes for SQLAlchemy declares that it does not know the release in use here.
"""

import re
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event

from common.telemetry.instruments import STATEMENTS
from common.telemetry.telemetry import Telemetry

# The names that semantic conventions have.
_SYSTEMS = {"sqlite": "sqlite", "mysql": "mysql"}
_TABLE = re.compile(r"(?:\bFROM|\bINTO|^UPDATE)\s+[`\"]?(\w+)", re.IGNORECASE)
_KEY = "stackhold_statement"


def observe(engine: Engine, telemetry: Telemetry) -> None:
    """Measure the statements of an engine from now on. Values are not part of what is traced: they are parameters."""
    system = _SYSTEMS.get(engine.dialect.name, engine.dialect.name)

    def begin(_connection: object, _cursor: object, statement: str, *rest: Any) -> None:  # noqa: ANN401 - SQLAlchemy's context
        context = rest[1]
        operation = statement.split(None, 1)[0].upper() if statement else ""
        table = match[1] if (match := _TABLE.search(statement)) else ""
        attributes = {"db.system.name": system, "db.operation.name": operation, "db.query.text": statement}
        if table:
            attributes["db.collection.name"] = table
        span = telemetry.span(f"{operation} {table}".strip(), attributes)
        setattr(context, _KEY, (perf_counter(), operation, span, span.__enter__()))

    def end(_connection: object, _cursor: object, _statement: str, *rest: Any) -> None:  # noqa: ANN401 - as above
        _end(rest[1], "")

    def fail(failure: ExceptionContext) -> None:
        if failure.execution_context is not None:
            _end(failure.execution_context, type(failure.original_exception).__name__)

    def _end(context: Any, error: str) -> None:  # noqa: ANN401 - as above
        begun = getattr(context, _KEY, None)
        if begun is None:
            return
        setattr(context, _KEY, None)
        began, operation, manager, span = begun
        if error:
            span.fail(error)
        manager.__exit__(None, None, None)
        telemetry.record(STATEMENTS, perf_counter() - began, system, operation)

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", fail)
