"""Exports of policy issues as replies: sent while they are read, or stored and linked to where an entry point limits replies."""

from collections.abc import Iterator
from functools import partial

from fastapi import Response

from common.audit.downloads import service as downloads
from common.backend import Backend
from functions.http.size_limits import StoredStream


def issue_export(backend: Backend, text: Iterator[str], headers: dict[str, str], media_type: str) -> Response:
    """Return an export."""
    return StoredStream(text, headers, f"{media_type}; charset=utf-8", partial(downloads.store, backend), lambda: None)
