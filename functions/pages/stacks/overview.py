"""A stack at a glance: what it says of itself, its outputs, its newest update, its tags and who owns it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BadRequest
from common.rights.permissions import Permission
from common.stacks.overview import values
from common.stacks.overview.facts import change_counts, facts_of
from common.stacks.overview.service import get_overview, reveal_output
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.failures import reason
from functions.pages.hiding import unless_hidden
from functions.pages.markdown import to_markup
from functions.pages.organization_tabs import organization_address
from functions.pages.rendering import fragment, page, see_other
from functions.pages.stacks.head import head_of, may_in_organization
from functions.pages.visitor import FormDep, PersonDep, VisitorDep

router = APIRouter()
_STACK = "/{org}/{project}/{stack}"
# The output that upstream's console shows as the stack's own page.
README = "readme"


@router.get(_STACK)
def show_stack(
    visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, exception: Annotated[str, Query()] = ""
) -> Response:
    """Show a stack, also under a name that it had before; the command line names a new policy exception in the address."""
    overview = unless_hidden(lambda: get_overview(backend, person, path))
    stack, entry, outputs = overview.stack, overview.entry, overview.outputs
    if exception and may_in_organization(person, stack, Permission.POLICY_EXCEPTIONS_READ):
        return see_other(organization_address(stack.path.org, "policies", "exceptions", exception))
    readme = outputs.get(README)
    return page(
        visitor,
        "stacks/overview",
        org=stack.path.org,
        head=head_of(backend, person, stack),
        asked=path,
        owner=overview.owner,
        entry=entry,
        facts=facts_of(entry.program) if entry is not None else None,
        changes=change_counts(entry.resource_changes) if entry is not None else {},
        outputs=values.shown({name: value for name, value in outputs.items() if name != README}),
        readme=to_markup(readme) if isinstance(readme, str) else "",
    )


@router.post(f"{_STACK}/outputs/reveal")
def reveal(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Show a secret output in clear, once."""
    name, problem, value = form.exact("name"), "", None
    try:
        value = unless_hidden(lambda: reveal_output(backend, person, path, name))
    except BadRequest as error:
        problem = reason(error)
    content: dict[str, object] = {"value": value, "problem": problem, "output": name}
    if visitor.is_part:
        return fragment(visitor, "stacks/_revealed", content)
    return page(visitor, "stacks/revealed", content, org=path.org, path=path)
