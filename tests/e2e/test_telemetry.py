"""An update of the real command line is one trace, from the command to the SQL statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, Project, part
from tests.e2e.server import ServerProcess
from tests.telemetry.receiver import RECEIVERS, Received, over_grpc

SERVER_KIND = 2


@pytest.fixture
def client_traces() -> Iterator[Received]:
    """Where the command line sends its own spans."""
    with over_grpc() as received:
        yield received


@pytest.mark.newest_cli_only
@pytest.mark.parametrize("protocol", RECEIVERS)
def test_an_update_is_one_trace(
    make_cli: Callable[[Server], Cli], client_traces: Received, tmp_path: Path, protocol: str
) -> None:
    """The server's spans continue those of `pulumi up`, down to the statements, and its metrics count the update."""
    with RECEIVERS[protocol]() as received:
        process = ServerProcess(
            tmp_path / "data",
            OTEL_EXPORTER_OTLP_ENDPOINT=received.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        )
        process.start()
        cli = make_cli(process.server)
        cli.login()
        project = Project(cli, tmp_path / "traced", f"traced-{protocol}")
        project.init()
        project.write({"a": part(value="1"), "b": part(value="2", after="a")})
        project.run(*UP, "--otel-traces", client_traces.endpoint.replace("http://", "grpc://"))
        process.stop()

    # A few spans of plugins are traces of their own; all that the command does is below its first span.
    (trace_id,) = {span.trace_id for span in client_traces.spans if span.name == "pulumi" and not span.parent_id}
    commands = [span for span in client_traces.spans if span.trace_id == trace_id]
    inside = [span for span in received.spans if span.trace_id == trace_id]
    ids = {span.span_id for span in [*commands, *inside]}
    requests = [span for span in inside if span.kind == SERVER_KIND]

    assert {"stackhold.organization", "stackhold.project", "stackhold.stack"} <= {
        name for span in requests for name in span.attributes
    }
    assert any(span.name.endswith("/complete") and span.attributes["stackhold.update.id"] for span in requests)
    assert any("db.query.text" in span.attributes for span in inside)
    assert [] == [span.name for span in inside if span.parent_id not in ids]
    assert 1 in [
        value
        for labels, value in received.points["stackhold.updates"].items()
        if dict(labels) == {"kind": "update", "result": "succeeded"}
    ]
    assert process.server.token.encode() not in b"".join(received.raw)
