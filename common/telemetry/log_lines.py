"""Metrics as lines of the log, which the product whose place this program takes has had first and calls deprecated."""

import logging
from collections.abc import Sequence

from common.telemetry.instruments import Instrument

LOG = logging.getLogger("stackhold.metrics")


class LogLines:
    """Writes a line for each value of the instruments that say so: events that are rare."""

    def record(self, instrument: Instrument, value: float, labels: Sequence[str]) -> None:
        """Write a line."""
        if instrument.is_logged:
            names = "".join(f" {name}={label}" for name, label in zip(instrument.labels, labels, strict=True))
            LOG.info("metric %s value=%g%s", instrument.name, value, names)

    def flush(self) -> None:
        """Do nothing: lines are written at once."""

    def close(self) -> None:
        """Do nothing."""
