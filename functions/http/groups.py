"""The API's table of contents: which module serves which addresses. A group is imported when its first request comes.

A pattern is matched segment by segment: `*` stands for any one segment, a last `**` for any rest, also an empty one.
The first match counts, so the engine's own calls stand first.
"""

from dataclasses import dataclass

_STACK = "/api/stacks/*/*/*"
_ORG = "/api/orgs/*"
_ENVIRONMENTS = "/api/esc/environments"
_KINDS = ("update", "preview", "refresh", "destroy")


@dataclass(frozen=True, slots=True)
class Group:
    """One router: its module under functions.api, or functions.pages for what people see, and the addresses it serves.

    A group for browsers alone serves nothing to clients that do not ask for HTML: there those addresses are unknown.
    """

    module: str
    patterns: tuple[str, ...]
    package: str = "api"
    for_browsers: bool = False

    @property
    def path(self) -> str:
        """Return the module's full name."""
        return f"functions.{self.package}.{self.module}"


GROUPS: tuple[Group, ...] = (
    Group(
        "update_progress",
        tuple(
            f"{_STACK}/{kind}/*/{call}"
            for kind in _KINDS
            for call in (
                "journalentries",
                "checkpoint",
                "checkpointverbatim",
                "checkpointdelta",
                "events/batch",
                "log",
                "renew_lease",
                "complete",
            )
        ),
    ),
    Group("updates", (*(f"{_STACK}/{kind}/**" for kind in _KINDS), f"{_STACK}/begin-update")),
    Group(
        "secrets",
        (f"{_STACK}/encrypt", f"{_STACK}/batch-encrypt", f"{_STACK}/batch-decrypt", f"{_STACK}/decrypt/**", "/api/projects/**"),
    ),
    Group(
        "state",
        (
            *(
                f"{_STACK}/{call}"
                for call in (
                    "export/**",
                    "import",
                    "outputs",
                    "rename",
                    "resources/**",
                    "downstreamreferences",
                    "upstreamreferences",
                )
            ),
        ),
    ),
    Group("comparison", (f"{_STACK}/compare", f"{_STACK}/repair", f"{_STACK}/versions/**")),
    Group("retention", (f"{_ORG}/retention/**",)),
    Group("history", (f"{_STACK}/updates/**", f"{_STACK}/previews/**", f"{_STACK}/activity")),
    Group("policies", (f"{_STACK}/policypacks", f"{_STACK}/policygroups")),
    Group("transfer", (f"{_STACK}/transfer", f"{_STACK}/ownership", f"{_ORG}/bulk-transfer/stacks", f"{_ORG}/restore-stack/**")),
    Group(
        "console",
        (
            "/api/console/stacks/*/*/*/overview",
            "/api/console/stacks/*/*/*/updates/*/summary",
            "/api/console/orgs/*/members/*/stacks/*/*",
            "/api/console/orgs/*/stacks/search",
        ),
    ),
    Group("sharing", (f"{_STACK}/teams", f"{_STACK}/collaborators/**", "/api/console/stacks/*/*/*/teams/*")),
    Group("webhooks", (f"{_STACK}/hooks/**", f"{_ORG}/hooks/**", f"{_ENVIRONMENTS}/*/*/*/hooks/**")),
    Group("stacks", ("/api/stacks/**", "/api/user/stacks")),
    Group("tokens", ("/api/user/tokens/**", f"{_ORG}/tokens/**", f"{_ORG}/teams/*/tokens/**")),
    Group(
        "roles",
        (
            f"{_ORG}/roles/**",
            f"{_ORG}/assignments/**",
            f"{_ORG}/teams/*/roles/**",
            f"{_ORG}/teams/*/enable-team-roles",
        ),
    ),
    Group("teams", (f"{_ORG}/teams/**",)),
    Group("members", (f"{_ORG}/members/**",)),
    Group("invites", (f"{_ORG}/invites/**", "/api/user/pending-invites")),
    Group("audit_exports", (f"{_ORG}/auditlogs/export/config/**",)),
    Group("audit", (f"{_ORG}/auditlogs/**",)),
    Group("issuers", (f"{_ORG}/oidc/**", f"{_ORG}/auth/**", "/api/oauth/**")),
    Group("oidc_issuer", ("/oidc/.well-known/*", "/oidc/v2/.well-known/*")),
    Group("saml", (f"{_ORG}/saml/**",)),
    Group("customer_keys", (f"{_ORG}/cmk/**",)),
    Group("scim.routes", ("/scim/**",)),
    Group("scim_token", (f"{_ORG}/scim/token",)),
    Group(
        "accounts",
        (
            "/api/console/email/**",
            "/api/console/actions/**",
            "/api/user/pending-emails",
            "/api/user/verified-email",
        ),
    ),
    Group("usage", (f"{_ORG}/resources/summary", f"{_ORG}/secrets/summary", f"{_ORG}/packages/usage")),
    Group("orgs", (_ORG, f"{_ORG}/metadata")),
    Group("users", ("/api/user/**",)),
    Group("capabilities", ("/api/capabilities", "/api/cli/**", "/api/status", "/healthz", "/api/openapi/**")),
    Group("metrics", ("/metrics",)),
    Group(
        "policy_packs",
        (
            f"{_ORG}/policypacks/**",
            f"{_ORG}/registry/policypacks/*",
            "/api/registry/policypacks",
            "/api/registry/policypacks/*/*/*/versions/**",
            "/api/policy-archives/*",
        ),
    ),
    Group("policy_groups", (f"{_ORG}/policygroups/**",)),
    Group("policy_issues", (f"{_ORG}/policyresults/**", f"{_ORG}/policy/findings/**")),
    Group("policy_exceptions", (f"{_ORG}/policy/exceptions/**",)),
    Group("registry", ("/api/registry/**", f"{_ORG}/templates", f"{_ORG}/templates/sources", f"{_ORG}/template/**")),
    Group("change_requests", ("/api/change-requests/**",)),
    Group("change_gates", ("/api/change-gates/**",)),
    Group("environments.drafts", (f"{_ENVIRONMENTS}/*/*/*/drafts/**", f"{_ENVIRONMENTS}/*/*/*/open/request/**")),
    Group(
        "environments.opening",
        (
            f"{_ENVIRONMENTS}/*/yaml/check",
            f"{_ENVIRONMENTS}/*/yaml/open/**",
            *(f"{_ENVIRONMENTS}/*/*/*/{call}" for call in ("check", "open", "open/*", "versions/*/check", "versions/*/open")),
        ),
    ),
    Group("environments.rotation", (f"{_ENVIRONMENTS}/*/*/*/rotate/**",)),
    Group("environments.schedules", (f"{_ENVIRONMENTS}/*/*/*/schedules/**",)),
    Group("environments.revisions", (f"{_ENVIRONMENTS}/*/*/*/versions/**", f"{_ENVIRONMENTS}/*/*/*/referrers")),
    Group("environments.tags", (f"{_ENVIRONMENTS}/*/*/*/tags/**",)),
    Group("environments.definitions", (f"{_ENVIRONMENTS}/**",)),
    Group("environments.catalogues", ("/api/esc/providers/**", "/api/esc/rotators/**", "/api/esc/context/schema")),
    Group("environments.preview", ("/api/preview/environments/**",)),
    Group("sso", ("/login/*/sso/saml/**", "/signin/sso/**"), "pages"),
    Group("providers", ("/signin/github/**", "/signin/gitlab/**", "/signin/oidc/**", "/settings/identities/**"), "pages"),
    Group("accounts", ("/signup", "/verify", "/reset/**", "/invites/**"), "pages"),
    Group("account_settings", ("/settings/account/**",), "pages"),
    # Exactly these: the first administrator's own organization is called `admin`, and its stacks have pages at /admin/….
    Group(
        "administration",
        (
            "/admin",
            "/admin/backups",
            "/admin/doctor",
            "/admin/organizations",
            "/admin/users",
            "/admin/jobs",
            "/admin/mails",
            "/admin/mails/link",
            "/admin/mails/retry",
            "/admin/messages",
            "/admin/messages/retry",
        ),
        "pages",
    ),
    Group(
        "sessions", ("/", "/signin", "/signin/token", "/signin/link", "/signin/organization", "/signout", "/assets/**"), "pages"
    ),
    Group("cli_login", ("/cli-login", "/welcome/**"), "pages"),
    Group("settings", ("/settings/**", "/user/settings/tokens", "/account/tokens"), "pages"),
    # What the command line links to of parts that are missing, before the addresses of stacks, which are of the same form.
    Group(
        "links",
        (
            "/*/resources",
            "/*/neo/**",
            "/claim/*",
            "/*/*/*/deployments/*",
        ),
        "pages",
        for_browsers=True,
    ),
    # Pages about environments, before those of stacks. Where no environment has the name, the dispatcher looks for a page of a
    # stack whose project is called `esc`.
    Group("environments.listing", ("/*/esc",), "pages", for_browsers=True),
    Group("environments.summary", ("/*/esc/*/*",), "pages", for_browsers=True),
    Group("environments.editor", ("/*/esc/*/*/edit/**",), "pages", for_browsers=True),
    Group("environments.preview", ("/*/esc/*/*/preview/**",), "pages", for_browsers=True),
    Group("environments.revisions", ("/*/esc/*/*/revisions/**",), "pages", for_browsers=True),
    Group("environments.draft_editor", ("/*/esc/*/*/change-requests/*/edit",), "pages", for_browsers=True),
    Group("environments.change_requests", ("/*/esc/*/*/change-requests/**",), "pages", for_browsers=True),
    Group("environments.gates", ("/*/esc/*/*/settings/gates/**",), "pages", for_browsers=True),
    Group("environments.rotation", ("/*/esc/*/*/rotation/**",), "pages", for_browsers=True),
    Group("environments.webhooks", ("/*/esc/*/*/webhooks/**",), "pages", for_browsers=True),
    Group("environments.access", ("/*/esc/*/*/access/**",), "pages", for_browsers=True),
    Group("environments.settings", ("/*/esc/*/*/settings/**",), "pages", for_browsers=True),
    # Pages about organizations, before those of stacks: a stack that is called `settings/members` has none.
    Group("organizations.members", ("/*/settings/members/**",), "pages", for_browsers=True),
    Group("organizations.invitations", ("/*/settings/invitations/**",), "pages", for_browsers=True),
    Group("organizations.saml", ("/*/settings/saml/**",), "pages", for_browsers=True),
    Group("organizations.scim", ("/*/settings/scim/**",), "pages", for_browsers=True),
    Group("organizations.settings", ("/*/settings/general/**",), "pages", for_browsers=True),
    Group("organizations.issuers", ("/*/settings/issuers/**",), "pages", for_browsers=True),
    Group("organizations.roles", ("/*/settings/roles/**",), "pages", for_browsers=True),
    Group("organizations.check_access", ("/*/settings/check-access",), "pages", for_browsers=True),
    Group("organizations.tokens", ("/*/settings/tokens/**", "/*/settings/teams/*/tokens/**"), "pages", for_browsers=True),
    Group("organizations.teams", ("/*/settings/teams/**",), "pages", for_browsers=True),
    Group(
        "organizations.policy_packs",
        ("/*/settings/policies/packs/**", "/*/insights/policypacks/**"),
        "pages",
        for_browsers=True,
    ),
    Group("organizations.policy_groups", ("/*/settings/policies/groups/**",), "pages", for_browsers=True),
    Group("organizations.policy_issues", ("/*/settings/policies/issues/**",), "pages", for_browsers=True),
    Group("organizations.policy_exceptions", ("/*/settings/policies/exceptions/**",), "pages", for_browsers=True),
    Group("organizations.policy_compliance", ("/*/settings/policies/compliance",), "pages", for_browsers=True),
    Group("organizations.webhooks", ("/*/settings/webhooks/**",), "pages", for_browsers=True),
    Group("organizations.hourly_export", ("/*/settings/audit-log/hourly-export/**",), "pages", for_browsers=True),
    Group("organizations.audit_log", ("/*/settings/audit-log/**",), "pages", for_browsers=True),
    Group("stacks.listing", ("/*/stacks",), "pages", for_browsers=True),
    Group("stacks.overview", ("/*/*/*", "/*/*/*/outputs/**"), "pages", for_browsers=True),
    Group(
        "stacks.updates",
        ("/*/*/*/activity", "/*/*/*/updates", "/*/*/*/previews", "/*/*/*/updates/*/state"),
        "pages",
        for_browsers=True,
    ),
    Group("stacks.compare", ("/*/*/*/compare", "/*/*/*/repair", "/*/*/*/updates/*/restore"), "pages", for_browsers=True),
    Group("stacks.update_page", ("/*/*/*/updates/**", "/*/*/*/previews/**"), "pages", for_browsers=True),
    Group("stacks.resources", ("/*/*/*/resources", "/*/*/*/resources/graph", "/*/*/*/resource"), "pages", for_browsers=True),
    Group("stacks.resource_versions", ("/*/*/*/resource/versions",), "pages", for_browsers=True),
    Group("stacks.config", ("/*/*/*/config",), "pages", for_browsers=True),
    Group("stacks.policies", ("/*/*/*/policies",), "pages", for_browsers=True),
    Group("stacks.access", ("/*/*/*/access/**",), "pages", for_browsers=True),
    Group("stacks.webhooks", ("/*/*/*/webhooks/**",), "pages", for_browsers=True),
    Group("stacks.settings", ("/*/*/*/settings/**",), "pages", for_browsers=True),
    Group("home", ("/**",), "pages", for_browsers=True),
)
