"""What stands around every page: the organization that it is about, the others to switch to, and where the main list leads."""

from dataclasses import dataclass
from urllib.parse import quote

from common.rights.caller import Caller
from common.rights.membership import Membership
from functions.pages.navigation import Link
from functions.pages.organization_tabs import policy_tabs_of, tabs_of

_ADMINISTRATION = "/admin"


@dataclass(frozen=True, slots=True)
class Frame:
    """The organization of the page, None without one; all that the reader belongs to; the entries of the main list.

    `pages` are the pages about the organization itself that the reader may see.
    """

    org: Membership | None
    organizations: list[Membership]
    links: list[Link]
    pages: list[Link]

    @property
    def home(self) -> str:
        """Return the address of the organization's home."""
        return home_address(self.org) if self.org is not None else "/"

    @property
    def base(self) -> str:
        """Return where the addresses of the organization begin."""
        return f"/{quote(self.org.login, safe='')}" if self.org is not None else ""


def frame_of(person: Caller | None, org: str) -> Frame:
    """Return what stands around a page about an organization; an empty name stands for the reader's own choice."""
    if person is None:
        return Frame(None, [], [], [])
    membership = person.membership(org) if org else find_home(person)
    organizations = sorted(person.memberships, key=lambda item: (item.is_personal, item.login))
    is_open = membership is not None and membership.is_open
    pages = tabs_of(membership) if membership is not None and is_open else []
    links = _links(membership, pages) if membership is not None and is_open else []
    return Frame(membership, organizations, links, pages)


def home_address(membership: Membership) -> str:
    """Return the address of an organization's home. `/admin` is the site's administration, so `admin` begins with its stacks."""
    base = f"/{quote(membership.login, safe='')}"
    return f"{base}/stacks" if base == _ADMINISTRATION else base


def find_home(person: Caller) -> Membership | None:
    """Return the organization that a person begins with: the one they chose, or one that is not theirs alone."""
    candidates = [membership for membership in person.memberships if membership.is_open]
    chosen = next((membership for membership in candidates if membership.org_id == person.default_org_id), None)
    return chosen or min(candidates, key=lambda membership: (membership.is_personal, membership.login), default=None)


def _links(membership: Membership, pages: list[Link]) -> list[Link]:
    base = f"/{quote(membership.login, safe='')}"
    stacks = Link("stacks", "Stacks", f"{base}/stacks", "g s")
    organization = [Link("organization", "Organization", pages[0].address)] if pages else []
    policies = [Link("policies", "Policies", tab.address) for tab in policy_tabs_of(membership)[:1]]
    home = [] if base == _ADMINISTRATION else [Link("home", "Home", base, "g h")]
    environments = Link("environments", "Environments", f"{base}/esc", "g e")
    return [*home, stacks, environments, *policies, *organization]
