"""What a process has used so far, read from /proc: CPU seconds, bytes written, peak memory. Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """A reading, or the difference of two. `written_bytes` is what went to the block device, pages it shares included."""

    cpu_seconds: float
    written_bytes: int  # write_bytes of /proc/PID/io
    write_calls_bytes: int  # wchar of /proc/PID/io: what write() was given, sockets included
    peak_bytes: int  # VmHWM: the most memory the process ever had, not a difference

    def since(self, before: "Usage") -> "Usage":
        """Return what was used since an earlier reading."""
        return Usage(
            self.cpu_seconds - before.cpu_seconds,
            self.written_bytes - before.written_bytes,
            self.write_calls_bytes - before.write_calls_bytes,
            self.peak_bytes,
        )


def read(pid: int) -> Usage:
    """Return the usage of a running process, its ended children included in the CPU seconds."""
    stat = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return Usage(
        cpu_seconds=sum(map(int, stat[11:15])) / _TICKS_PER_SECOND,
        written_bytes=_field(pid, "io", "write_bytes"),
        write_calls_bytes=_field(pid, "io", "wchar"),
        peak_bytes=_field(pid, "status", "VmHWM") * 1024,
    )


def reset_peak(pid: int) -> None:
    """Lets the peak begin again at what the process has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _field(pid: int, file: str, name: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text("ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0
