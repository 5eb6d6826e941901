"""A receiver of OTLP on this machine, for gRPC and for HTTP, which keeps what it gets."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc


@dataclass
class ReceivedSpan:
    """A span, with its attributes as Python has them."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, Any]


@dataclass
class Received:
    """What came so far, and where to send more."""

    endpoint: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    # (service, name of the metric, values of its points by their labels)
    points: dict[str, dict[tuple[tuple[str, Any], ...], float]] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_traces(self, request: traces.ExportTraceServiceRequest) -> None:
        """Keep spans."""
        with self.lock:
            self.raw.append(request.SerializeToString())
            for group in request.resource_spans:
                about = _attributes(group.resource.attributes)
                for span in (span for scope in group.scope_spans for span in scope.spans):
                    self.spans.append(
                        ReceivedSpan(
                            str(about.get("service.name")),
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.kind,
                            _attributes(span.attributes),
                        )
                    )

    def take_metrics(self, request: metrics.ExportMetricsServiceRequest) -> None:
        """Keep the newest value of each metric: what counts adds up at the sender."""
        with self.lock:
            self.raw.append(request.SerializeToString())
            for group in request.resource_metrics:
                self.resources.append(_attributes(group.resource.attributes))
                for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
                    data = getattr(metric, metric.WhichOneof("data"))
                    for point in data.data_points:
                        is_histogram = metric.WhichOneof("data") == "histogram"
                        value = float(point.count) if is_histogram else getattr(point, point.WhichOneof("value"))
                        labels = tuple(sorted(_attributes(point.attributes).items()))
                        self.points.setdefault(metric.name, {})[labels] = value

    def spans_of(self, service: str) -> list[ReceivedSpan]:
        """Return the spans of one service."""
        with self.lock:
            return [span for span in self.spans if span.service == service]


@contextmanager
def over_grpc() -> Iterator[Received]:
    """Receive by gRPC."""
    received = Received()

    class Traces(traces_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            received.take_traces(request)
            return traces.ExportTraceServiceResponse()

    class Metrics(metrics_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
            received.take_metrics(request)
            return metrics.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    traces_grpc.add_TraceServiceServicer_to_server(Traces(), server)  # type: ignore[no-untyped-call]
    metrics_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)  # type: ignore[no-untyped-call]
    received.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(0).wait()


@contextmanager
def over_http() -> Iterator[Received]:
    """Receive by HTTP."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                received.take_traces(traces.ExportTraceServiceRequest.FromString(body))
            elif self.path == "/v1/metrics":
                received.take_metrics(metrics.ExportMetricsServiceRequest.FromString(body))
            self.send_response(200 if self.path in ("/v1/traces", "/v1/metrics") else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


RECEIVERS = {"grpc": over_grpc, "http": over_http}


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
