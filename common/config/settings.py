"""All settings in one class, typed: parsing, the documentation page and the start-up checks read the same declarations.

Names are those of the product whose place this program takes, with the same meaning, so that an existing installation's
configuration works unchanged; our own begin with STACKHOLD_. A value that is not of its kind stops the start.
"""

import os
from collections.abc import Mapping
from typing import Any, Self

from common.config.sections.server import CleanupSettings, FirstStartSettings, ServerSettings, TelemetrySettings, TLSSettings
from common.config.sections.sign_in import MailSettings, SignInSettings
from common.config.sections.storage import AuditSettings, DatabaseSettings, EncryptionSettings, ObjectStoreSettings
from common.config.sections.unused import IGNORED, LATER
from common.config.setting import Kind, Setting, SettingValues, check, settings_of, trim

SECTIONS: dict[str, tuple[Setting[Any], ...]] = {
    "Server": settings_of(ServerSettings),
    "First start": settings_of(FirstStartSettings),
    "Database": settings_of(DatabaseSettings),
    "Objects": settings_of(ObjectStoreSettings),
    "Encryption": settings_of(EncryptionSettings),
    "TLS": settings_of(TLSSettings),
    "Clean-up": settings_of(CleanupSettings),
    "Sign-in": settings_of(SignInSettings),
    "Mail": settings_of(MailSettings),
    "Audit log": settings_of(AuditSettings),
    "Telemetry": settings_of(TelemetrySettings),
    "Not used yet": LATER,
    "Not needed": IGNORED,
}

SETTINGS: tuple[Setting[Any], ...] = tuple(setting for settings in SECTIONS.values() for setting in settings)


class Settings(
    ServerSettings,
    FirstStartSettings,
    DatabaseSettings,
    ObjectStoreSettings,
    EncryptionSettings,
    TLSSettings,
    CleanupSettings,
    SignInSettings,
    MailSettings,
    AuditSettings,
    TelemetrySettings,
    SettingValues,
):
    """The values in force, as attributes: `settings.threads`. Secrets never appear in its `repr`."""

    def __init__(self, values: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> None:
        """Check every known name among the values; raises StartUpError with the name of a bad one.

        `defaults` replace those of the table for settings that are not set.
        """
        known = {setting: value for setting in SETTINGS if (value := trim(setting, values.get(setting.name, "")))}
        for setting, value in known.items():
            check(setting, value)
        super().__init__({setting.name: value for setting, value in known.items()}, defaults or {})

    @classmethod
    def from_env(cls) -> Self:
        """Return the settings of this process's environment."""
        return cls(os.environ)

    def replaced(self, **values: str) -> "Settings":
        """Return settings with some values replaced, as a command line does."""
        return Settings({**self._values, **values}, self._defaults)

    def as_env(self) -> dict[str, str]:
        """Return the values that are set, and the defaults that were replaced, for a child process."""
        return dict(self._in_force)

    @property
    def secret_values(self) -> tuple[str, ...]:
        """Return the values of secret settings, which the log hides."""
        return tuple(self.text(setting) for setting in SETTINGS if setting.kind is Kind.SECRET and self.is_set(setting))

    def __repr__(self) -> str:
        """Name the settings that are set, without values: some are secrets."""
        return f"Settings({', '.join(sorted(self._values))})"
