"""HTTP/1.1 as uvicorn speaks it, with a limit on what comes before a body, and refusals in the wire's own shape."""

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from functions.errors import ErrorBody

# Far above what clients send: tokens, a dozen headers, long addresses. Without it one header could fill the memory.
HEAD_LIMIT_BYTES = 64 << 10
BAD_REQUEST, HEAD_TOO_LARGE = 400, 431


class Protocol(HttpToolsProtocol):
    """One connection."""

    # Bytes of an unfinished head that came so far; None between heads.
    _head_bytes: int | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came from the client; give up on a head that does not end."""
        super().data_received(data)
        if self._head_bytes is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(HEAD_TOO_LARGE, f"Request Header Fields Too Large: the limit is {HEAD_LIMIT_BYTES:,} bytes")

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._head_bytes = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(BAD_REQUEST, f"Bad Request: {msg}")

    def _refuse(self, status: int, message: str) -> None:
        body = msgspec.json.encode(ErrorBody(status, message))
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + headers.encode() + body)
        self.transport.close()
