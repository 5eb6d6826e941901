"""Where an organization's audit log is exported every hour: set, tried out, turned off."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.audit.archives import service as exports
from common.audit.archives.model import Destination, Export, Kind, Result
from common.core.errors import BackendError
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_EXPORT = "/{org}/settings/audit-log/hourly-export"
_KINDS = ((Kind.S3, "Amazon S3"), (Kind.S3_COMPATIBLE, "Store that speaks S3"), (Kind.AZURE_BLOB, "Azure Blob Storage"))


@router.get(_EXPORT)
def show_export(request: OrgRequestDep, done: Annotated[str, Query()] = "") -> Response:
    """Show the settings and the last result."""
    return _page(request, done=done)


@router.post(_EXPORT)
def update_export(request: OrgRequestDep, form: FormDep) -> Response:
    """Save the settings."""
    backend, caller, org = request.backend, request.caller, request.org
    is_enabled = form.text("enabled") == "yes"
    return request.change(
        lambda: exports.update(backend, caller, org, _destination(form), form.exact("secret"), is_enabled=is_enabled),
        f"{request.address('audit-log', 'hourly-export')}?done=saved",
        lambda error: _page(request, form, error=error),
    )


@router.post(f"{_EXPORT}/test")
def try_export(request: OrgRequestDep, form: FormDep) -> Response:
    """Write an object to the destination of the form, and show the form again with how that went."""
    backend, caller, org = request.backend, request.caller, request.org
    return attempt(
        lambda: _page(
            request, form, trial=exports.try_destination(backend, caller, org, _destination(form), form.exact("secret"))
        ),
        lambda error: _page(request, form, error=error),
    )


@router.post(f"{_EXPORT}/delete")
def delete_export(request: OrgRequestDep, form: FormDep) -> Response:
    """Delete the settings."""
    _ = form
    return request.change(
        lambda: exports.delete(request.backend, request.caller, request.org),
        f"{request.address('audit-log', 'hourly-export')}?done=deleted",
        lambda error: _page(request, error=error),
    )


def _destination(form: Form) -> Destination:
    kind = next((kind for kind in Kind if kind == form.text("kind")), Kind.S3)
    is_azure = kind is Kind.AZURE_BLOB
    return Destination(
        kind,
        address="" if kind is Kind.S3 else form.text("address"),
        region=form.text("region") if kind is Kind.S3_COMPATIBLE else "",
        bucket="" if is_azure else form.text("bucket"),
        prefix=form.text("prefix"),
        access="" if is_azure else form.text("access"),
    )


def _page(
    request: OrgRequest,
    form: Form | None = None,
    *,
    error: BackendError | None = None,
    done: str = "",
    trial: Result | None = None,
) -> Response:
    stored: Export | None = unless_hidden(lambda: exports.find_export(request.backend, request.caller, request.org))
    chosen = _destination(form) if form is not None else (stored.destination if stored is not None else Destination(Kind.S3))
    content = {
        "export": stored,
        "chosen": chosen,
        "is_enabled": form.text("enabled") == "yes" if form is not None else stored is None or stored.is_enabled,
        "kinds": _KINDS,
        "trial": trial,
        "path": request.address("audit-log", "hourly-export"),
        "log": request.address("audit-log"),
        "external_id": exports.external_id(request.caller, request.org),
    }
    return request.page("hourly-export", content, error=error, done=done)
