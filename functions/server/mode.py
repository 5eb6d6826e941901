"""Which half of the server a process is: requests, background jobs, or both."""

from enum import StrEnum

from common.config.settings import Settings


class Mode(StrEnum):
    """The values of PULUMI_API_CONTAINER_MODE."""

    FULL = "FULL"
    API = "API"
    JOBS = "JOBS"

    @property
    def serves(self) -> bool:
        """Tell whether requests are served."""
        return self is not Mode.JOBS

    @property
    def runs_jobs(self) -> bool:
        """Tell whether background jobs run."""
        return self is not Mode.API


def mode_of(settings: Settings) -> Mode:
    """Return the configured mode; an unknown value means FULL, as in the product whose setting this is."""
    text = settings.api_container_mode.upper()
    return next((mode for mode in Mode if mode == text), Mode.FULL)
