"""Metrics for `/metrics`, in the text format of Prometheus, of all processes that serve on one socket.

Several processes keep their values in files of one folder (prometheus_client's multiprocess mode), so that any of them can
answer for all. The library chooses that mode when it is loaded, by an environment variable that the parent process sets.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.telemetry.instruments import INSTRUMENTS, Instrument, Kind

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A value of a gauge that is read at the moment of the scrape: instrument, labels, value.
Reading = tuple[Instrument, tuple[str, ...], float]


class PrometheusMetrics:
    """Keeps values until they are scraped."""

    def __init__(self) -> None:
        """Declare every instrument, so that a counter is there, as 0, before the first event."""
        import prometheus_client  # noqa: PLC0415 - a server that is not scraped need not load it

        self._registry = prometheus_client.CollectorRegistry()
        self._collectors: dict[str, Any] = {}
        for instrument in INSTRUMENTS:
            if instrument.kind is not Kind.GAUGE:
                self._collectors[instrument.name] = _collector(instrument, self._registry)

    def record(self, instrument: Instrument, value: float, labels: Sequence[str]) -> None:
        """Take a value; gauges are read at the scrape."""
        collector = self._collectors.get(instrument.name)
        if collector is None:
            return
        child = collector.labels(*labels) if instrument.labels else collector
        if instrument.kind is Kind.HISTOGRAM:
            child.observe(value)
        else:
            child.inc(value)

    def text(self, readings: Iterable[Reading]) -> bytes:
        """Return the values of all processes, and those that were just read from the database."""
        import prometheus_client  # noqa: PLC0415 - as above
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        registry = self._registry
        if folder := os.environ.get(FOLDER_VARIABLE):
            registry = prometheus_client.CollectorRegistry()
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        return bytes(prometheus_client.generate_latest(registry)) + gauges_text(readings)

    def flush(self) -> None:
        """Do nothing: values are kept until they are scraped."""

    def close(self) -> None:
        """Do nothing."""


def gauges_text(readings: Iterable[Reading]) -> bytes:
    """Return readings in the text format."""
    import prometheus_client  # noqa: PLC0415 - as above
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    families: dict[str, Any] = {}
    for instrument, labels, value in readings:
        if instrument.name not in families:
            names = [_label(label) for label in instrument.labels]
            families[instrument.name] = GaugeMetricFamily(instrument.prometheus_name, instrument.description, labels=names)
        families[instrument.name].add_metric(labels, value)

    class Readings:
        def collect(self) -> Iterable[Any]:
            return families.values()

    registry = prometheus_client.CollectorRegistry()
    registry.register(Readings())
    return bytes(prometheus_client.generate_latest(registry))


def forget_process(folder: Path, pid: int) -> None:
    """Forget what a process that has ended was doing; what it had counted stays."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def _collector(instrument: Instrument, registry: "CollectorRegistry") -> Any:  # noqa: ANN401 - one of three classes
    import prometheus_client  # noqa: PLC0415 - as above

    name, labels = instrument.prometheus_name, [_label(label) for label in instrument.labels]
    text = instrument.description
    if instrument.kind is Kind.HISTOGRAM:
        return prometheus_client.Histogram(name, text, labels, registry=registry, buckets=instrument.buckets)
    if instrument.kind is Kind.COUNTER:
        return prometheus_client.Counter(name, text, labels, registry=registry)
    return prometheus_client.Gauge(name, text, labels, registry=registry, multiprocess_mode="livesum")


def _label(name: str) -> str:
    return name.replace(".", "_")
