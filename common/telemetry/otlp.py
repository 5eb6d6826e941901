"""Traces and metrics for a receiver of OTLP, by OpenTelemetry's SDK. Loaded only where a receiver is set.

No provider is made the process's own: libraries that would trace by themselves, as FastAPI does, stay silent, and each request
has one span for all that happens to it, the refusals of the edge included.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider  # arch: this module is loaded where a receiver is set
from opentelemetry.sdk.metrics.export import (  # arch: this module is loaded where a receiver is set
    MetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # arch: this module is loaded where a receiver is set
from opentelemetry.sdk.trace import TracerProvider  # arch: this module is loaded where a receiver is set
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter  # arch: this module is loaded where a receiver is set
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.telemetry.instruments import INSTRUMENTS, Instrument, Kind
from common.telemetry.requests import Request
from common.telemetry.telemetry import NO_SPAN, Attributes, Span

LOG = logging.getLogger("stackhold.telemetry")
GRPC = "grpc"
SERVICE = "stackhold"
# A function sends its metrics at the end of a request, unless it just did.
FLUSH_SECONDS = 10.0
FLUSH_MILLIS = 5_000
# A function waits for the receiver before it replies: so long at most, and after a failure not at all for a minute.
EXPORT_SECONDS = 2
_SLOW_SECONDS, _PAUSE_SECONDS = 1.0, 60.0


class Flushing:
    """Sends what waits, unless the receiver did not answer a moment ago; never raises."""

    def __init__(self, flush: Callable[[int], bool]) -> None:
        """Take what sends within some milliseconds, and tells whether it did."""
        self._flush = flush
        self._paused_until = 0.0

    def run(self) -> None:
        """Send what waits."""
        start = time.monotonic()
        if start < self._paused_until:
            return
        try:
            is_sent = self._flush(FLUSH_MILLIS)
        except Exception:
            LOG.warning("spans and metrics cannot be sent", exc_info=True)
            is_sent = False
        # A failed export ends with its time limit, and the library does not tell.
        if not is_sent or time.monotonic() - start > _SLOW_SECONDS:
            self._paused_until = time.monotonic() + _PAUSE_SECONDS


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send, and how: `grpc` or `http`."""

    endpoint: str
    protocol: str

    def span_exporter(self) -> SpanExporter:
        """Return what sends spans; raises ImportError where its package is not installed."""
        if self.protocol == GRPC:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGRPC  # noqa: PLC0415

            return OverGRPC(endpoint=self.endpoint, insecure=self._is_plain, timeout=EXPORT_SECONDS)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - one of two

        return OTLPSpanExporter(endpoint=f"{self._url}/v1/traces", timeout=EXPORT_SECONDS)

    def metric_exporter(self) -> MetricExporter:
        """Return what sends metrics; raises ImportError where its package is not installed."""
        if self.protocol == GRPC:
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as OverGRPC  # noqa: PLC0415

            return OverGRPC(endpoint=self.endpoint, insecure=self._is_plain, timeout=EXPORT_SECONDS)
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - one of two

        return OTLPMetricExporter(endpoint=f"{self._url}/v1/metrics", timeout=EXPORT_SECONDS)

    @property
    def _is_plain(self) -> bool:
        return not self.endpoint.startswith("https://")

    @property
    def _url(self) -> str:
        url = self.endpoint if "://" in self.endpoint else f"http://{self.endpoint}"
        return url.rstrip("/")


def resource() -> Resource:
    """Return what every span and metric says of its process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count as well."""
    own = {"service.name": SERVICE, "service.instance.id": str(uuid4())}
    if release := _release():
        own["service.version"] = release
    # The SDK names a process that is not named by the environment `unknown_service`, which ours replaces.
    environment = OTELResourceDetector().detect()
    return Resource.create(own).merge(environment)


class OTLPMetrics:
    """Sends values once a minute, or as OTEL_METRIC_EXPORT_INTERVAL says."""

    def __init__(self, exporter: MetricExporter, about: Resource) -> None:
        """Declare every instrument."""
        self._provider = MeterProvider(
            metric_readers=[PeriodicExportingMetricReader(exporter)], resource=about, shutdown_on_exit=False
        )
        meter = self._provider.get_meter(SERVICE, _release())
        self._instruments = {instrument.name: _made(meter, instrument) for instrument in INSTRUMENTS}
        self._flushing, self._flushed_at = Flushing(self._provider.force_flush), 0.0

    def record(self, instrument: Instrument, value: float, labels: Sequence[str]) -> None:
        """Take a value."""
        made, attributes = self._instruments[instrument.name], dict(zip(instrument.labels, labels, strict=True))
        if instrument.kind is Kind.HISTOGRAM:
            made.record(value, attributes)
        elif instrument.kind is Kind.GAUGE:
            made.set(value, attributes)
        else:
            made.add(value, attributes)

    def flush(self) -> None:
        """Send what waits, unless that was done a moment ago."""
        if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self._flushing.run()
            self._flushed_at = time.monotonic()

    def close(self) -> None:
        """Send what waits, and stop."""
        self._provider.shutdown(FLUSH_MILLIS)


class OTLPTraces:
    """Sends spans, some together."""

    def __init__(self, exporter: SpanExporter, about: Resource) -> None:
        """Open the way out; OTEL_TRACES_SAMPLER says which traces are kept, by default all that the client keeps."""
        self._provider = TracerProvider(resource=about, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE, _release())
        self._propagator = TraceContextTextMapPropagator()
        self._flushing = Flushing(self._provider.force_flush)

    @contextmanager
    def serving(self, name: str, headers: Mapping[str, str], request: Request) -> Iterator[Span]:
        """Trace a request, as a child of the client's span if it names one."""
        parent = self._propagator.extract(dict(headers))
        with self._tracer.start_as_current_span(name, parent, SpanKind.SERVER, **_QUIET) as span:
            context = span.get_span_context()
            request.trace_id, request.span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
            yield _Span(span)

    @contextmanager
    def span(self, name: str, attributes: Attributes, *, may_begin: bool = False) -> Iterator[Span]:
        """Trace what happens inside; without a trace around it only if it may begin one."""
        is_inside = trace.get_current_span().get_span_context().is_valid
        if not is_inside and not may_begin:
            yield NO_SPAN
            return
        kind = SpanKind.CLIENT if is_inside else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(name, None, kind, dict(attributes), **_QUIET) as span:
            yield _Span(span)

    def flush(self) -> None:
        """Send what waits."""
        self._flushing.run()

    def close(self) -> None:
        """Send what waits, and stop."""
        self._provider.shutdown()


class _Span:
    """A span of the SDK. What an exception says may be a secret, so only its kind is kept."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Attributes) -> None:
        """Add attributes, and name the span after the route if there is one."""
        self._span.set_attributes(dict(attributes))
        if "http.route" in attributes:
            self._span.update_name(f"{attributes['http.request.method']} {attributes['http.route']}")

    def fail(self, error: str) -> None:
        """Mark the span as failed."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(StatusCode.ERROR)


_QUIET: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}


def _release() -> str:
    """Return the release, or an empty text in a function's package, which has the code alone."""
    try:
        return version("stackhold")
    except PackageNotFoundError:
        return ""


def _made(meter: Any, instrument: Instrument) -> Any:  # noqa: ANN401 - one of four classes of the SDK
    named = (instrument.name, instrument.unit, instrument.description)
    if instrument.kind is Kind.HISTOGRAM:
        return meter.create_histogram(*named, explicit_bucket_boundaries_advisory=instrument.buckets)
    if instrument.kind is Kind.COUNTER:
        return meter.create_counter(*named)
    return meter.create_gauge(*named) if instrument.kind is Kind.GAUGE else meter.create_up_down_counter(*named)
