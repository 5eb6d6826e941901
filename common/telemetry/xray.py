"""Segments for AWS X-Ray's daemon, by AWS's SDK for it. Loaded only where STACKHOLD_XRAY is set.

On Lambda the platform makes the segment of a request, and what happens inside are its subsegments; elsewhere a request is a
segment, joined to what the gateway's header names. The SDK keeps the open segment by thread, but handlers run in other threads
than the edge: here a context variable has it, which those threads inherit.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aws_xray_sdk.core import patch, xray_recorder  # arch: as in otlp.py
from aws_xray_sdk.core.context import Context  # arch: as in otlp.py
from aws_xray_sdk.core.lambda_launcher import LAMBDA_TASK_ROOT_KEY, LAMBDA_TRACE_HEADER_KEY, LambdaContext  # arch: as in otlp.py
from aws_xray_sdk.core.models.trace_header import TraceHeader  # arch: as in otlp.py

from common.telemetry.requests import Request
from common.telemetry.telemetry import NO_SPAN, Attributes, Span

SERVICE = "stackhold"
HEADER = "x-amzn-trace-id"
# The daemon's limit is 64 KiB a message: more subsegments than this are sent before their segment ends. The segment of a
# function is not ours, so there each subsegment is sent when it ends.
_STREAM_FROM, _STREAM_FROM_IN_FUNCTION = 50, 0


_HELD: ContextVar[dict[str, Any] | None] = ContextVar("xray", default=None)


class _Inherited:
    """In place of a thread's own storage: what a thread inherits from the one that began the request."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the SDK keeps
        values = _HELD.get() or {}
        if name == "__dict__":  # The SDK clears it at the end of a segment.
            return _Values()
        if name not in values:
            raise AttributeError(name)
        return values[name]

    def __setattr__(self, name: str, value: object) -> None:
        _HELD.set({**(_HELD.get() or {}), name: value})


class _Values:
    """What is kept, to be forgotten."""

    def clear(self) -> None:
        """Forget it."""
        _HELD.set(None)


class XRayTraces:
    """Sends segments to the daemon at AWS_XRAY_DAEMON_ADDRESS, by default the one on this machine."""

    def __init__(self) -> None:
        """Prepare the SDK, and patch botocore, so that calls of AWS say more of themselves."""
        self._is_in_function = bool(os.environ.get(LAMBDA_TASK_ROOT_KEY))
        context = LambdaContext() if self._is_in_function else Context("IGNORE_ERROR")
        context._local = _Inherited()  # noqa: SLF001 - the SDK has no other way to say where it keeps a segment
        xray_recorder.configure(
            service=SERVICE,
            context=context,
            context_missing="IGNORE_ERROR",
            sampling=False,
            streaming_threshold=_STREAM_FROM_IN_FUNCTION if self._is_in_function else _STREAM_FROM,
        )
        patch(("botocore",), raise_errors=False)

    @contextmanager
    def serving(self, name: str, headers: Mapping[str, str], request: Request) -> Iterator[Span]:
        """Trace a request."""
        text = os.environ.get(LAMBDA_TRACE_HEADER_KEY) if self._is_in_function else headers.get(HEADER)
        header = TraceHeader.from_header_str(text)
        request.trace_id = header.root or ""
        if self._is_in_function:
            with self.span(name, {}, may_begin=True) as span:
                yield span
            return
        is_sampled = 0 if header.sampled == 0 else 1
        segment = xray_recorder.begin_segment(SERVICE, traceid=header.root, parent_id=header.parent, sampling=is_sampled)
        request.trace_id = segment.trace_id
        try:
            yield _Segment(segment)
        finally:
            xray_recorder.end_segment()

    @contextmanager
    def span(self, name: str, attributes: Attributes, *, may_begin: bool = False) -> Iterator[Span]:
        """Trace what happens inside; without a segment around it only if it may begin one."""
        is_inside = self._is_in_function or bool(xray_recorder.get_trace_entity())
        if not is_inside and may_begin:
            with self.serving(name, {}, Request("")) as segment:
                segment.set(attributes)
                yield segment
            return
        subsegment = xray_recorder.begin_subsegment(_name(name), "remote" if attributes else "local") if is_inside else None
        if subsegment is None:
            yield NO_SPAN
            return
        span = _Segment(subsegment)
        span.set(attributes)
        try:
            yield span
        finally:
            xray_recorder.end_subsegment()

    def flush(self) -> None:
        """Do nothing: a segment is sent when it ends."""

    def close(self) -> None:
        """Do nothing."""


class _Segment:
    """A segment or subsegment of the SDK."""

    def __init__(self, segment: Any) -> None:  # noqa: ANN401 - of one of two classes
        self._segment = segment

    def set(self, attributes: Attributes) -> None:
        """Add attributes: of HTTP and SQL in the members that X-Ray has for them, others as annotations."""
        for name, value in attributes.items():
            if name == "http.request.method":
                self._segment.put_http_meta("method", value)
            elif name == "http.response.status_code":
                self._segment.put_http_meta("status", value)
            elif name == "db.query.text":
                self._segment.set_sql({"sanitized_query": value, "database_type": str(attributes.get("db.system.name", ""))})
            else:
                self._segment.put_annotation(name.replace(".", "_"), value)

    def fail(self, error: str) -> None:
        """Mark the segment as failed."""
        self._segment.add_fault_flag()
        self._segment.put_annotation("error_type", error)


def _name(name: str) -> str:
    """Return a name of the characters that the daemon takes."""
    return "".join(letter for letter in name if letter.isalnum() or letter in " _.:/%&#=+-@")[:200] or SERVICE
