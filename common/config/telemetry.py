"""Opens the ways out that the settings name: the log, `/metrics`, a receiver of OTLP."""

from common.config.settings import Settings
from common.telemetry.log_lines import LogLines
from common.telemetry.prometheus import PrometheusMetrics
from common.telemetry.telemetry import Telemetry


def start(telemetry: Telemetry, settings: Settings, *, keeps_counts: bool = True) -> None:
    """Begin to measure and trace what the settings ask for; raises StartUpError for what cannot be used.

    A function's process keeps no counts for `/metrics`: the next scrape would reach another process.
    """
    if settings.enable_deprecated_metrics:
        telemetry.add_metrics(LogLines())
    if keeps_counts and settings.is_set(Settings.metrics_webhook_secret):
        telemetry.add_prometheus(PrometheusMetrics())
