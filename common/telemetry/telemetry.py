"""Counts, measures and traces. Nothing happens until a way out is added, and a call then costs next to nothing.

`record` takes the values of labels in the order in which the instrument declares them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter
from typing import Protocol

from common.telemetry.instruments import Instrument
from common.telemetry.prometheus import PrometheusMetrics
from common.telemetry.requests import Request

Attributes = Mapping[str, str | int]


class Span(Protocol):
    """A span that has begun."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        ...

    def fail(self, error: str) -> None:
        """Mark the span as failed, with the kind of the error."""
        ...


class Metrics(Protocol):
    """A way out for what is counted and measured."""

    def record(self, instrument: Instrument, value: float, labels: Sequence[str]) -> None:
        """Take a value."""
        ...

    def flush(self) -> None:
        """Send what waits."""
        ...

    def close(self) -> None:
        """Send what waits, and stop."""
        ...


class Tracer(Protocol):
    """A way out for spans."""

    def serving(self, name: str, headers: Mapping[str, str], request: Request) -> AbstractContextManager[Span]:
        """Return the span of a request, a child of what its headers name; the request gets the ids."""
        ...

    def span(self, name: str, attributes: Attributes, *, may_begin: bool = False) -> AbstractContextManager[Span]:
        """Return a span within the current one, or, if it may begin one, a trace of its own."""
        ...

    def flush(self) -> None:
        """Send what waits."""
        ...

    def close(self) -> None:
        """Send what waits, and stop."""
        ...


class _NoSpan:
    def set(self, attributes: Attributes) -> None:
        pass

    def fail(self, error: str) -> None:
        pass


NO_SPAN = _NoSpan()
_NOTHING: AbstractContextManager[Span] = nullcontext(NO_SPAN)


class Telemetry:
    """What a process says about its work, to those who asked for it."""

    def __init__(self) -> None:
        """Begin with no way out."""
        self._metrics: tuple[Metrics, ...] = ()
        self._tracer: Tracer | None = None
        # Whether each request, statement and call is measured or traced.
        self.is_on = False
        # What keeps values until they are scraped, if anything does.
        self.prometheus: PrometheusMetrics | None = None
        # Whether someone wants gauges between scrapes, which is a question to the database each time.
        self.pushes_gauges = False

    def add_metrics(self, metrics: Metrics, *, only_events: bool = False) -> None:
        """Send values there too from now on; `only_events` if requests and calls need not be measured for it."""
        self._metrics = (*self._metrics, metrics)
        self.is_on = self.is_on or not only_events

    def add_prometheus(self, prometheus: PrometheusMetrics) -> None:
        """Keep values for those who scrape."""
        self.prometheus = prometheus
        self.add_metrics(prometheus)

    def set_tracer(self, tracer: Tracer) -> None:
        """Send spans there from now on."""
        self._tracer = tracer
        self.is_on = True

    def record(self, instrument: Instrument, value: float, *labels: str) -> None:
        """Take a value of an instrument."""
        for metrics in self._metrics:
            metrics.record(instrument, value, labels)

    def serving(self, name: str, headers: Mapping[str, str], request: Request) -> AbstractContextManager[Span]:
        """Return the span of a request."""
        return self._tracer.serving(name, headers, request) if self._tracer is not None else _NOTHING

    def span(self, name: str, attributes: Attributes, *, may_begin: bool = False) -> AbstractContextManager[Span]:
        """Return a span within the current one, or, if it may begin one, a trace of its own."""
        return self._tracer.span(name, attributes, may_begin=may_begin) if self._tracer is not None else _NOTHING

    @contextmanager
    def call(self, instrument: Instrument, name: str, label: str, attributes: Attributes) -> Iterator[None]:
        """Measure and trace a call of a service outside; the labels of the instrument are this one and the result."""
        if not self.is_on:
            yield
            return
        began, result = perf_counter(), "ok"
        with self.span(name, attributes) as span:
            try:
                yield
            except BaseException as error:
                result = "error"
                span.fail(type(error).__name__)
                raise
            finally:
                self.record(instrument, perf_counter() - began, label, result)

    def flush(self) -> None:
        """Send what waits: a function's process stands still after its reply."""
        for way in (*self._metrics, self._tracer):
            if way is not None:
                way.flush()

    def close(self) -> None:
        """Send what waits, and stop."""
        ways, self._metrics, tracer, self._tracer = self._metrics, (), self._tracer, None
        self.prometheus, self.is_on = None, False
        for way in (*ways, tracer):
            if way is not None:
                way.close()


OFF = Telemetry()
