"""What stands at the top of every page of a stack: its name, its state, the other pages, and what the reader may do."""

from dataclasses import dataclass
from urllib.parse import quote

from common.backend import Backend
from common.core.clock import unix_millis
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import Stack, StackPath
from common.stacks.steps import may_on_stack


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a stack: its name in templates, its text, its address, and the keys that lead there."""

    key: str
    text: str
    address: str
    shortcut: str


@dataclass(frozen=True, slots=True)
class Head:
    """A stack as its pages show it; `now` is in unix milliseconds."""

    stack: Stack
    base: str
    tabs: list[Tab]
    now: int
    may_decrypt: bool
    may_export: bool
    may_import: bool
    may_cancel: bool

    @property
    def path(self) -> StackPath:
        """Return the stack's name."""
        return self.stack.path


def head_of(backend: Backend, person: Caller, stack: Stack) -> Head:
    """Return the head of a stack that the reader may see."""
    base = stack_address(stack.path)
    tabs = [
        Tab("overview", "Overview", base, "g o"),
        Tab("activity", "Activity", f"{base}/activity", "g a"),
        Tab("updates", "Updates", f"{base}/updates", "g u"),
        Tab("previews", "Previews", f"{base}/previews", ""),
        Tab("resources", "Resources", f"{base}/resources", "g r"),
        Tab("config", "Configuration", f"{base}/config", "g c"),
        Tab("policies", "Policies", f"{base}/policies", ""),
    ]
    if may(person, stack, Permission.STACK_ACCESS_READ):
        tabs.append(Tab("access", "Access", f"{base}/access", ""))
    if may(person, stack, Permission.STACK_WEBHOOK_READ):
        tabs.append(Tab("webhooks", "Webhooks", f"{base}/webhooks", ""))
    if any(may(person, stack, permission) for permission in SETTINGS):
        tabs.append(Tab("settings", "Settings", f"{base}/settings", ""))
    return Head(
        stack=stack,
        base=base,
        tabs=tabs,
        now=unix_millis(backend.clock.now()),
        may_decrypt=may(person, stack, Permission.STACK_DECRYPT),
        may_export=may(person, stack, Permission.STACK_EXPORT),
        may_import=may(person, stack, Permission.STACK_IMPORT),
        may_cancel=may(person, stack, Permission.STACK_CANCEL_UPDATE),
    )


def may(person: Caller, stack: Stack, permission: Permission) -> bool:
    """Tell whether the reader has a permission on a stack that they loaded."""
    return may_on_stack(person, stack, permission)


def may_in_organization(person: Caller, stack: Stack, permission: Permission) -> bool:
    """Tell whether the reader has a permission in the organization of a stack."""
    membership = person.membership(stack.path.org)
    return membership is not None and membership.is_open and permission in membership.permissions()


def stack_address(path: StackPath) -> str:
    """Return where the pages of a stack begin."""
    return "/" + "/".join(quote(part, safe="") for part in (path.org, path.project, path.name))


# Who may do one of these has settings to look at.
SETTINGS = (
    Permission.STACK_WRITE,
    Permission.STACK_ACCESS_UPDATE,
    Permission.STACK_TAGS_UPDATE,
    Permission.STACK_RENAME,
    Permission.STACK_TRANSFER,
    Permission.STACK_DELETE,
)
