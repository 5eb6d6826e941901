"""Tells whether a cloud's SDK is there: a server of one's own is installed without, and each function carries only its own."""

from importlib.util import find_spec

from common.core.errors import StartUpError


def require_sdk(setting: str, package: str, extra: str) -> None:
    """Raise StartUpError with what to install for a setting when a package is absent; nothing is imported."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:  # One of the packages around it is absent.
        spec = None
    if spec is None:
        raise StartUpError(f"{setting} needs a package that is not installed: pip install 'stackhold[{extra}]'")
