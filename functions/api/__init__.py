"""The API's table of contents: which module serves which addresses. A group is imported when its first request comes.

A pattern is matched segment by segment: `*` stands for any one segment, a last `**` for any rest, also an empty one.
The first match counts, so the engine's own calls stand first.
"""

from dataclasses import dataclass

_STACK = "/api/stacks/*/*/*"
_KINDS = ("update", "preview", "refresh", "destroy")


@dataclass(frozen=True, slots=True)
class Group:
    """One router: its module under functions.api, and the addresses it serves."""

    module: str
    patterns: tuple[str, ...]


GROUPS: tuple[Group, ...] = (
    Group("running", tuple(f"{_STACK}/{kind}/*/{call}" for kind in _KINDS for call in (
        "journalentries", "checkpoint", "checkpointverbatim", "checkpointdelta", "events/batch", "renew_lease", "complete",
    ))),
    Group("updates", (*(f"{_STACK}/{kind}/**" for kind in _KINDS), f"{_STACK}/begin-update")),
    Group("secrets", (f"{_STACK}/encrypt", f"{_STACK}/batch-encrypt", f"{_STACK}/batch-decrypt", f"{_STACK}/decrypt/**")),
    Group("state", (*(f"{_STACK}/{call}" for call in ("export/**", "import", "outputs", "rename", "resources/**",
        "downstreamreferences", "upstreamreferences",
    )),)),
    Group("history", (f"{_STACK}/updates/**", f"{_STACK}/previews/**", f"{_STACK}/activity")),
    Group("policies", (f"{_STACK}/policypacks", f"{_STACK}/policygroups")),
    Group("stacks", ("/api/stacks/**", "/api/user/stacks")),
    Group("users", ("/api/user/**",)),
    Group("capabilities", ("/api/capabilities", "/api/cli/**", "/api/status", "/healthz", "/api/oauth/**", "/api/openapi/**")),
    Group("registry", ("/api/registry/**", "/api/orgs/*/templates", "/api/orgs/*/template/**")),
    Group("environments", ("/api/esc/**",)),
)  # fmt: skip
