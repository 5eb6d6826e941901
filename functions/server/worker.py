"""A server process that `Workers` starts: `python -m functions.server.worker <pipe> <socket> …`, settings by environment."""

import os
import signal
import socket
import sys
import threading
from contextlib import closing

from common.backend import open_backend
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.telemetry import logs
from functions.server.uvicorn_server import serve


def main() -> int:
    """Serve on the sockets that were handed over, until a signal or the end of the watching process."""
    os.umask(0o077)
    settings = Settings.from_env()
    logs.configure(settings.log_format, settings.secret_values)
    listener, *consoles = (socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[2:])
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    try:
        with closing(open_backend(settings)) as backend:
            serve(backend, listener, news=f"worker {os.getpid()} serves", console=next(iter(consoles), None))
    except StartUpError as error:
        sys.stderr.write(f"stackhold: {error}\n")
        return 1
    return 0


def _end_with_parent(alive_reader: int) -> None:
    # Nothing is ever written: the read returns when the last writer, the watching process, is gone.
    os.read(alive_reader, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
