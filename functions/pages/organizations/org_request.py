"""A request for a page about an organization: who asks, for which organization, and how its pages and forms are answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission
from functions.http.deps import BackendDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.organization_tabs import organization_address
from functions.pages.rendering import page, see_other
from functions.pages.visitor import PersonDep, Visitor, VisitorDep


@dataclass(frozen=True, slots=True)
class OrgRequest:
    """Who asks for a page about an organization that they belong to."""

    visitor: Visitor
    backend: Backend
    caller: Caller
    membership: Membership

    @property
    def org(self) -> str:
        """Return the organization's login."""
        return self.membership.login

    def address(self, *parts: str) -> str:
        """Return the address of a page about the organization."""
        return organization_address(self.org, *parts)

    def may(self, permission: Permission) -> bool:
        """Tell whether the visitor has a permission in the organization."""
        return permission in self.membership.permissions()

    def require(self, permission: Permission) -> None:
        """Raise the error for a page that is missing unless the visitor has a permission in the organization."""
        unless_hidden(lambda: self.caller.require(permission, self.org, missing=""))

    def page(self, name: str, content: Mapping[str, object], *, error: BackendError | None = None, done: str = "") -> Response:
        """Return a page; with an error it says what is wrong with its form, `done` is the change that led here."""
        around = {
            "done": done,
            "problem": reason(error) if error is not None else "",
            "now": unix_millis(self.backend.clock.now()),
        }
        status = int(error.status) if error is not None else 200
        return page(self.visitor, f"organizations/{name}", {**around, **content}, status=status, org=self.org)

    def change(self, act: Callable[[], object], address: str, again: Callable[[BackendError], Response]) -> Response:
        """Return the way on to an address after a change, or the page of the form again with what is wrong."""

        def do() -> Response:
            act()
            return see_other(address)

        return attempt(do, again)


async def get_org_request(visitor: VisitorDep, backend: BackendDep, person: PersonDep, org: str) -> OrgRequest:
    """Return the request; NotFound for a stranger, SignInRequired where the organization has a sign-in of its own."""
    membership = person.membership(org)
    if membership is None:
        raise missing()
    membership.require_open()
    return OrgRequest(visitor, backend, person, membership)


OrgRequestDep = Annotated[OrgRequest, Depends(get_org_request)]
