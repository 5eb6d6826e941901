"""The pages that the tests in a browser walk, by name, with the parts of their addresses in braces.

Every address that functions/pages serves to GET is here, or among the exceptions with a reason: tests/browser/test_walk.py says
which one is missing.
"""

from __future__ import annotations

from importlib import import_module

from starlette.routing import compile_path

from functions.http.groups import GROUPS

CLI = (
    "/cli-login?cliSessionPort=43210&cliSessionNonce=" + "a5" * 32 + "&cliSessionDescription=Generated+by+pulumi+login+on+laptop"
)
URN = "urn:pulumi:prod::shop::aws:lambda/function:Function::function-1"
STACK, SETTINGS = "/acme/shop/prod", "/acme/settings"
POLICIES = f"{SETTINGS}/policies"
FOR_STRANGERS = {
    "signin": "/signin",
    "signup": "/signup",
    "reset": "/reset",
    "reset-password": "/reset/password?token=x",
    "welcome": "/welcome/cli",
    "failure": "/cli-login?cliSessionPort=1234@evil",
}
OF_ACCOUNT = {
    "settings": "/settings",
    "tokens": "/settings/tokens",
    "cli-login": CLI + "&cliCommand=pulumi+up",
    "identities": "/settings/identities",
    "account": "/settings/account",
    "sessions": "/settings/sessions",
    "invitations": "/settings/invitations",
    "invitation-welcome": "/invites/acme/welcome",
    "invitation-open": "/invites/acme/{invite}",
    "verify": "/verify?token=x",
    "not-found": "/acme/shop/nothing",
}
OF_ADMINISTRATION = {
    "admin": "/admin",
    "admin-doctor": "/admin/doctor",
    "admin-backups": "/admin/backups",
    "admin-organizations": "/admin/organizations",
    "admin-organizations-none": "/admin/organizations?q=nothing",
    "admin-users": "/admin/users",
    "admin-jobs": "/admin/jobs",
    "admin-mails": "/admin/mails",
    "admin-messages": "/admin/messages",
}
OF_STACKS = {
    "home": "/acme",
    "home-first": "/admin/stacks",
    "stacks": "/acme/stacks",
    "stacks-updated": "/acme/stacks?sort=updated&q=payments",
    "stacks-none": "/acme/stacks?q=nothing",
    "stack": STACK,
    "stack-never": "/acme/web/never",
    "activity": "/acme/shop/dev/activity",
    "activity-none": "/acme/web/never/activity",
    "updates": f"{STACK}/updates",
    "updates-none": "/acme/web/never/updates",
    "update": f"{STACK}/updates/2",
    "update-log": f"{STACK}/updates/2?view=log#L3",
    "update-details": f"{STACK}/updates/2?view=details",
    "update-failed": "/acme/shop/staging/updates/1",
    "update-live": "/acme/web/live/updates/1",
    "compare": "/acme/data/warehouse/compare?from=1&to=2",
    "compare-unchanged": f"{STACK}/compare?from=1&to=2",
    "compare-refused": f"{STACK}/compare?from=77",
    "restore": "/acme/data/warehouse/updates/1/restore",
    "repair": "/acme/data/warehouse/repair",
    "repair-sound": f"{STACK}/repair",
    "access": f"{STACK}/access",
    "stack-settings": f"{STACK}/settings",
    "previews": "/acme/shop/dev/previews",
    "previews-none": "/acme/web/never/previews",
    "preview": "/acme/shop/dev/previews/{preview}",
    "resources": f"{STACK}/resources",
    "resources-found": f"{STACK}/resources?q=bucket",
    "resources-none": "/acme/web/never/resources",
    "resource": f"{STACK}/resource?urn={URN}",
    "resource-versions": f"{STACK}/resource/versions?urn={URN}",
    "graph": f"{STACK}/resources/graph?urn={URN}",
    "config": f"{STACK}/config",
    "config-none": "/acme/web/never/config",
    "stack-webhooks": "/acme/orders/prod/webhooks",
    "stack-webhooks-none": "/acme/web/never/webhooks",
    "stack-webhook": "/acme/orders/prod/webhooks/announce",
}
OF_ORGANIZATIONS = {
    "org-members": f"{SETTINGS}/members",
    "org-member": f"{SETTINGS}/members/{{login}}",
    "org-members-none": f"{SETTINGS}/members?q=nothing",
    "org-invitations": f"{SETTINGS}/invitations",
    "org-teams": f"{SETTINGS}/teams",
    "org-teams-none": f"{SETTINGS}/teams?q=nothing",
    "org-team": f"{SETTINGS}/teams/payments",
    "org-team-stacks": f"{SETTINGS}/teams/payments/stacks",
    "org-team-tokens": f"{SETTINGS}/teams/payments/tokens",
    "org-team-settings": f"{SETTINGS}/teams/payments/settings",
    "org-roles": f"{SETTINGS}/roles",
    "org-role": f"{SETTINGS}/roles/{{role}}",
    "org-check-access": f"{SETTINGS}/check-access?login={{login}}&action=destroy&stack=orders/prod",
    "org-tokens": f"{SETTINGS}/tokens",
    "org-issuers": f"{SETTINGS}/issuers",
    "org-issuer": f"{SETTINGS}/issuers/{{issuer}}",
    "org-issuer-wizard": f"{SETTINGS}/issuers/new/github",
    "org-saml": f"{SETTINGS}/saml",
    "org-scim": f"{SETTINGS}/scim",
    "org-general": f"{SETTINGS}/general",
    "org-webhooks": f"{SETTINGS}/webhooks",
    "org-webhook": f"{SETTINGS}/webhooks/announce",
    "policy-compliance": f"{POLICIES}/compliance",
    "policy-compliance-by-policy": f"{POLICIES}/compliance?by=policy",
    "policy-issues": f"{POLICIES}/issues",
    "policy-issues-none": f"{POLICIES}/issues?status=fixed",
    "policy-issue": f"{POLICIES}/issues/{{policy_issue}}",
    "policy-exceptions": f"{POLICIES}/exceptions",
    "policy-exception": f"{POLICIES}/exceptions/EXC-1",
    "policy-packs": f"{POLICIES}/packs",
    "policy-pack": f"{POLICIES}/packs/guard",
    "policy-pack-version": f"{POLICIES}/packs/guard/versions/1",
    "policy-groups": f"{POLICIES}/groups",
    "policy-group": f"{POLICIES}/groups/prod",
    "stack-policies": "/acme/orders/prod/policies",
    "audit-log": f"{SETTINGS}/audit-log",
    "audit-log-none": f"{SETTINGS}/audit-log?user=nobody",
    "hourly-export": f"{SETTINGS}/audit-log/hourly-export",
    "audit-record": f"{SETTINGS}/audit-log/{{record}}",
}
ENVIRONMENT = "/acme/esc/payments/prod"
OF_ENVIRONMENTS = {
    "environments": "/acme/esc",
    "environments-none": "/acme/esc?q=nothing",
    "environments-deleted": "/acme/esc?show=deleted",
    "environment": ENVIRONMENT,
    "environment-empty": "/acme/esc/payments/empty",
    "environment-editor": f"{ENVIRONMENT}/edit",
    "environment-preview": f"{ENVIRONMENT}/preview",
    "environment-revisions": f"{ENVIRONMENT}/revisions",
    "environment-revision": f"{ENVIRONMENT}/revisions/3",
    "environment-compare": f"{ENVIRONMENT}/revisions/compare",
    "environment-rotation": f"{ENVIRONMENT}/rotation",
    "environment-change-requests": f"{ENVIRONMENT}/change-requests",
    "environment-change-requests-none": f"{ENVIRONMENT}/change-requests?by=nobody",
    "environment-change-request": f"{ENVIRONMENT}/change-requests/{{change_request}}",
    "environment-change-request-changes": f"{ENVIRONMENT}/change-requests/{{change_request}}/changes",
    "environment-open-request": f"{ENVIRONMENT}/change-requests/{{open_request}}",
    "environment-draft-editor": f"{ENVIRONMENT}/change-requests/{{change_request}}/edit",
    "environment-webhooks": f"{ENVIRONMENT}/webhooks",
    "environment-webhooks-none": "/acme/esc/payments/empty/webhooks",
    "environment-webhook": f"{ENVIRONMENT}/webhooks/announce",
    "environment-gates": f"{ENVIRONMENT}/settings/gates",
    "environment-gate": f"{ENVIRONMENT}/settings/gates/{{gate}}",
    "environment-access": f"{ENVIRONMENT}/access",
    "environment-settings": f"{ENVIRONMENT}/settings",
}
FOR_PEOPLE = {**OF_ACCOUNT, **OF_ADMINISTRATION, **OF_STACKS, **OF_ENVIRONMENTS, **OF_ORGANIZATIONS}
_FILE, _ON = "answers with a file, not a page", "leads on to another page"
_PART, _PROVIDER = "answers with a part of a page that is walked", "needs a provider: tests of providers look at its pages"
EXCEPTIONS = {
    "/": _ON,
    "/{org}/{project}": _ON,
    "/user/settings/tokens": _ON,
    "/account/tokens": _ON,
    "/{org}/insights/policypacks/{pack}/{version}": _ON,
    "/signin/link": "signs in and leads on; tests/server/test_welcome.py follows it",
    "/signin/organization": "leads on by itself; tests/browser/test_pages.py follows it",
    "/assets/{name}": _FILE,
    "/{org}/esc/{project}/{environment}/edit/completions": _FILE,
    "/{org}/settings/audit-log/export": _FILE,
    "/{org}/settings/audit-log/downloads/{download}": _FILE,
    "/{org}/settings/policies/issues/export": _FILE,
    "/{org}/{project}/{stack}/updates/{number}/state": _FILE,
    "/login/{org}/sso/saml/metadata": _FILE,
    "/{org}/{project}/{stack}/updates/{number}/progress": _PART,
    "/{org}/{project}/{stack}/previews/{preview_id}/progress": _PART,
    "/signin/sso/{org}": _PROVIDER,
    "/signin/sso/{org}/reauth": _PROVIDER,
    "/signin/sso/{org}/finish": _PROVIDER,
    "/signin/{key}": _PROVIDER,
    "/signin/{key}/callback": _PROVIDER,
}


def routes() -> list[str]:
    """Return what functions/pages serves to GET, but for links to parts that this release does not have."""
    groups = [group for group in GROUPS if group.package == "pages" and group.module != "links"]
    found = [route for group in groups for route in import_module(group.path).router.routes]
    return [route.path for route in found if "GET" in route.methods]


def unwalked() -> list[str]:
    """Return the routes that no walked address leads to and no exception names. The first route that matches serves an address."""
    patterns = {path: compile_path(path)[0] for path in routes()}
    addresses = [address.partition("?")[0] for address in (*FOR_STRANGERS.values(), *FOR_PEOPLE.values())]
    walked = {next((path for path, pattern in patterns.items() if pattern.match(address)), "") for address in addresses}
    return [path for path in patterns if path not in walked and path not in EXCEPTIONS]
