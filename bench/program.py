"""The programs that the command line runs: some resources, each holding text that cannot be compressed away."""

import base64
import json
import random
import re
from dataclasses import dataclass

BUILT_IN_RESOURCES = 2  # the stack itself and the default provider
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How many resources with how many bytes each. A `Stash` keeps its value three times: the state has thrice the bytes."""

    resources: int
    payload_bytes: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Return the size in a text like `100x16384`; raises ValueError."""
        if not (match := re.fullmatch(r"(\d+)x(\d+)", text)):
            raise ValueError(f"{text!r} is not RESOURCESxBYTES")
        return cls(int(match[1]), int(match[2]))

    @property
    def payload_total_bytes(self) -> int:
        """Return the bytes of all payloads."""
        return self.resources * self.payload_bytes

    def __str__(self) -> str:
        bytes_each = f"{self.payload_bytes // _KIB} KiB" if self.payload_bytes >= _KIB else f"{self.payload_bytes} B"
        return f"{self.resources:,} × {bytes_each}"


def project_name(size: Size) -> str:
    """Return the name of the project of a size."""
    return f"bench-{size.resources}-{size.payload_bytes}"


def files(size: Size) -> dict[str, str]:
    """Return the texts of the project's files by name. The same size always gives the same texts."""
    noise = random.Random(size.resources * 1_000_003 + size.payload_bytes)
    lines = ["resources:"]
    for index in range(size.resources):
        # Base64 of random bytes packs to three quarters, which is what the bytes hold, and not further.
        text = base64.b64encode(noise.randbytes(size.payload_bytes * 3 // 4)).decode("ascii")
        value = json.dumps({"index": index, "text": text})
        lines += [f"  r{index}:", "    type: pulumi:index:Stash", "    properties:", f"      input: {value}"]
    return {"Pulumi.yaml": f"name: {project_name(size)}\nruntime: yaml\n", "Main.yaml": "\n".join(lines) + "\n"}
