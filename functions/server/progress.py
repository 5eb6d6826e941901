"""Shows on a terminal how far a long command is; without one it shows nothing."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_EVERY_SECONDS = 0.2
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """One line on a terminal that is written over."""

    def __init__(self, output: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        """Show on an output, if that is a terminal."""
        self._output, self._clock = output, clock
        self._is_shown = output.isatty()
        self._next = 0.0

    def show(self, text: str) -> None:
        """Show a text in place of the one before, a few times a second at most."""
        if self._is_shown and self._clock() >= self._next:
            self._next = self._clock() + _EVERY_SECONDS
            self._output.write(_CLEAR_LINE + text)
            self._output.flush()

    def end(self) -> None:
        """Remove the line, so that what follows begins on an empty one."""
        if self._is_shown:
            self._output.write(_CLEAR_LINE)
            self._output.flush()
