"""Gives a backend other settings."""

from dataclasses import replace

from common.backend import Backend
from tests.secrecy import note_settings


def with_settings(backend: Backend, **settings: str) -> Backend:
    """Return the backend with further settings; no test may let out those that are secrets."""
    note_settings(settings)
    return replace(backend, settings=backend.settings.replaced(**settings))
