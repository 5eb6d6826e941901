"""Opens the ways out that the settings name: the log, `/metrics`, a receiver of OTLP, the daemon of X-Ray."""

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.telemetry.log_lines import LogLines
from common.telemetry.prometheus import PrometheusMetrics
from common.telemetry.telemetry import Telemetry


def start(telemetry: Telemetry, settings: Settings, *, keeps_counts: bool = True) -> None:
    """Begin to measure and trace what the settings ask for; raises StartUpError for what cannot be used.

    A function's process keeps no counts for `/metrics`: the next scrape would reach another process.
    """
    if settings.enable_deprecated_metrics:
        telemetry.add_metrics(LogLines(), only_events=True)
    if keeps_counts and settings.is_set(Settings.metrics_webhook_secret):
        telemetry.add_prometheus(PrometheusMetrics())
    if settings.otel_exporter_otlp_endpoint:
        _send_otlp(telemetry, settings)
    elif settings.xray:
        _send_to_xray(telemetry)


def _send_otlp(telemetry: Telemetry, settings: Settings) -> None:
    try:
        from common.telemetry import otlp  # noqa: PLC0415 - the SDK takes a tenth of a second to load

        receiver = otlp.Receiver(settings.otel_exporter_otlp_endpoint, settings.otel_exporter_otlp_protocol)
        about = otlp.resource()
        telemetry.set_tracer(otlp.OTLPTraces(receiver.span_exporter(), about))
        telemetry.add_metrics(otlp.OTLPMetrics(receiver.metric_exporter(), about))
        telemetry.pushes_gauges = True
    except ImportError as error:
        advice = "install stackhold[otel]; the functions have no gRPC, so set OTEL_EXPORTER_OTLP_PROTOCOL=http there"
        raise StartUpError(f"{Settings.otel_exporter_otlp_endpoint} needs {error.name}: {advice}") from error


def _send_to_xray(telemetry: Telemetry) -> None:
    try:
        from common.telemetry import xray  # noqa: PLC0415 - the SDK brings botocore, which takes a third of a second to load
    except ImportError as error:
        raise StartUpError(f"{Settings.xray} needs {error.name}: install stackhold[xray]") from error
    telemetry.set_tracer(xray.XRayTraces())
