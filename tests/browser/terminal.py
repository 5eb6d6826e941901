"""A command in a terminal of its own, with a user typing into it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 60.0


class Terminal:
    """Runs a command while its `with` block lasts; what it shows is kept."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._shown = b""
        self._process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What the terminal has shown so far."""
        return self._shown.decode(errors="replace")

    def type(self, text: str) -> None:
        """Types a text."""
        os.write(self._ours, text.encode())

    def await_text(self, text: str) -> None:
        """Wait until the terminal shows a text."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while text not in self.text:
            if not self._read(deadline):
                raise AssertionError(f"no {text!r} in the terminal:\n{self.text[-2000:]}")

    def wait(self) -> int:
        """Wait for the command's end and return its exit code."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self._read(deadline):
            pass
        return self._process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        """Read what there is; False at the end of the output or of the time."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        part = b""
        # The end of the other side is an error here (EIO) on Linux.
        with contextlib.suppress(OSError):
            part = os.read(self._ours, 4096)
        self._shown += part
        return part != b""
