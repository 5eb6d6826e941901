"""Parts of the upstream API that this release does not have, by address, and what people call them.

Where clients take a 404 for an answer of its own, as for a package that they look for elsewhere next, the address is not here.
"""

import re

from common.core.errors import NotBuilt

_ORG = r"/api/(?:console/)?orgs/[^/]+"
_STACK = r"/api/stacks/[^/]+/[^/]+/[^/]+"
_ITEM = r"/[^/]+/[^/]+/[^/]+"
_ENVIRONMENT = r"/api/(?:esc|preview)/environments/[^/]+/[^/]+(?:/[^/]+)?"
# What a part is called with its verb, and what method and path begin with. The first match counts.
_PARTS: tuple[tuple[str, str], ...] = (
    ("policy packs of others are", rf"\w+ /api/registry/policypacks{_ITEM}"),
    ("approvals of policy exceptions are", rf"POST {_ORG}/policy/exceptions/drafts"),
    ("accounts of clouds are", rf"POST {_ORG}/policygroups/accountmatchrule"),
    ("policy packs for accounts are", r"\w+ /api/preview/insights/[^/]+/(?:accounts/[^/]+/)?policy"),
    ("the set-up of cloud accounts is", r"\w+ /api/esc/cloudsetup"),
    ("deployments are", rf"\w+ /api/deployments|\w+ (?:{_ORG}|{_STACK}|/api/preview{_ITEM})/deployments"),
    ("deployments are", rf"\w+ {_STACK}/drift"),
    ("agent pools are", rf"\w+ {_ORG}/agent-pools"),
    ("services are", rf"\w+ {_ORG}/services"),
    ("templates of organizations are", rf"\w+ {_ORG}/templates?"),
    ("publishing to the registry is", rf"(?:POST|DELETE) /api(?:/preview)?/registry/(?:packages|templates){_ITEM}"),
    ("documentation of packages and templates is", rf"GET /api/registry/(?:packages|templates){_ITEM}/versions"),
    ("modules of Terraform are", r"\w+ /api/registry/terraform-modules"),
    (
        "resource search and insights are",
        rf"\w+ /api(?:/preview)?/insights|\w+ {_ORG}/(?:search|discovered-resources|insights-scans)",
    ),
    ("AI assistants and agents are", rf"\w+ /api/ai|\w+ /api(?:/preview|/v2)?/agents(?!/signup/validate)|\w+ {_ORG}/neo"),
    ("integrations with version control are", rf"\w+ {_ORG}/(?:integrations|teams/github)"),
    ("integrations with version control are", r"\w+ /api/user/(?:github|gitlab-app|vcs)"),
    ("notifications are", rf"\w+ {_ORG}/notifications"),
    ("coherence windows are", rf"\w+ {_ORG}/coherence-windows"),
)
_FIRST = re.compile("|".join(f"((?:{expression})(?:/.*)?$)" for _, expression in _PARTS), re.DOTALL)


def find_refusal(method: str, path: str) -> NotBuilt | None:
    """Return the refusal of an address that belongs to a part of the API which this release does not have, or None."""
    match = _FIRST.match(f"{method} {path}")
    return refusal(_PARTS[match.lastindex - 1][0]) if match is not None and match.lastindex is not None else None


def refusal(part: str) -> NotBuilt:
    """Return the refusal of a part, which is named with its verb: `policy packs are`."""
    return NotBuilt(f"{part} not part of this release (docs/compatibility.md)")
