"""What is said at a start about settings that have no effect: not needed, not used yet, misspelled, or incomplete.

Only names are shown, never values.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from common.config.setting import Setting, Status
from common.config.setting_groups import incomplete_groups
from common.config.settings import SETTINGS, Settings

OWN_PREFIX = "STACKHOLD_"
# The functions on AWS Lambda take it out of their settings when they have read the secrets.
OF_LAMBDA = Settings.settings_secrets
# Names that begin so are probably meant for this program if they are spelled almost like one of its settings.
_PREFIXES = (
    "STACK",
    "PUL",
    "API_",
    "DATABASE_",
    "MYSQL_ROOT",
    "SMTP_",
    "SAML_",
    "GITHUB_OAUTH",
    "GITLAB_OAUTH",
    "RECAPTCHA_",
    "METRICS_WEBHOOK",
    "AZURE_STORAGE",
)
_LIKENESS = 0.85
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_FAMILIES = {name.removesuffix("*"): setting for name, setting in _BY_NAME.items() if name.endswith("*")}
_TLS_VERSIONS = (Settings.api_min_tls_version, Settings.database_min_tls_version)


def notices(values: Mapping[str, str]) -> list[str]:
    """Return one line for each setting that has no effect, or not the one that was meant."""
    names = sorted(name for name in values if values[name])
    known = [_notice(name, setting) for name in names if (setting := _find(name))]
    unknown = [name for name in names if not _find(name)]
    return [line for line in (*known, *_misspelled(unknown), *_raised(values), *incomplete_groups(set(names))) if line]


def _misspelled(unknown: list[str]) -> list[str]:
    near = {name: match for name in unknown if name.startswith(_PREFIXES) and (match := _nearest(name))}
    lines = [f"{name}: not a setting of this release; did you mean {match}?" for name, match in near.items()]
    others = [name for name in unknown if name.startswith(OWN_PREFIX) and name not in near]
    if others:
        lines.append(f"{', '.join(others)}: not a setting of this release; docs/configuration.md lists all of them")
    return lines


def _nearest(name: str) -> str:
    names = get_close_matches(name, _BY_NAME, n=1, cutoff=_LIKENESS)
    return names[0] if names else ""


def _raised(values: Mapping[str, str]) -> list[str]:
    return [
        f"{setting} is {values[setting.name]}: 1.2 is the lowest version that is used"
        for setting in _TLS_VERSIONS
        if values.get(setting.name) in ("1.0", "1.1")
    ]


def _find(name: str) -> Setting[Any] | None:
    return _BY_NAME.get(name) or next((family for prefix, family in _FAMILIES.items() if name.startswith(prefix)), None)


def _notice(name: str, setting: Setting[Any]) -> str:
    if setting.status is Status.IGNORED:
        return f"{name} is set but ignored: {setting.meaning}"
    if setting.status is Status.LATER:
        return f"{name} is set: recognised; not used yet by this release"
    if setting is OF_LAMBDA:
        return f"{name} is set and has no effect here: only functions on AWS Lambda read it; set what its secrets hold"
    return ""
