"""What a setting is: an environment variable with a name, a kind, a default and a meaning, and how its text is read.

Settings are declared as attributes of classes (`common/config/sections/`), once each. Read from an object of `Settings`, such an
attribute is the value in its own type; read from the class, it is the setting itself, for messages and `is_set`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, overload

from common.core.errors import StartUpError

# Longer than any address or path; what is longer is a certificate or a key in the wrong place.
LONGEST_TEXT = 500
# Settings that are addresses, into which people paste what belongs to them elsewhere: `mysql://root:password@host`.
_ADDRESS = re.compile("_(?:API|ENDPOINT|SERVER|DOMAIN|ISSUER|URL)$")
_CREDENTIALS = re.compile(r"@|[?&][^=&]*(?:sig|secret|password|access_?key)=", re.IGNORECASE)
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}
_T = TypeVar("_T")


class Kind(StrEnum):
    """What a setting's text must be."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "true or false"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - the name of a kind


class Status(StrEnum):
    """What this release does with a setting."""

    USED = "used"
    IGNORED = "not needed"
    LATER = "not used yet"


@dataclass(frozen=True, slots=True)
class Setting(ABC, Generic[_T]):
    """One environment variable. An ignored one's `meaning` is the reason; a name that ends in `*` stands for a family."""

    name: str
    kind: Kind
    default: str
    meaning: str
    status: Status = Status.USED
    lowest: int = 0
    highest: int = 1 << 40
    is_pem: bool = False
    is_list: bool = False
    choices: tuple[str, ...] = ()

    @property
    def is_multiline(self) -> bool:
        """Tell whether a value may have line breaks."""
        return self.is_pem or self.kind is Kind.SECRET

    @overload
    def __get__(self, settings: "SettingValues", owner: type) -> _T: ...

    @overload
    def __get__(self, settings: object, owner: type) -> Self: ...

    def __get__(self, settings: object, owner: type) -> "Self | _T":
        """Return the value in force, or the setting itself when it is read from the class."""
        return settings.get(self) if isinstance(settings, SettingValues) else self

    def __str__(self) -> str:
        """Return the name, as messages show it."""
        return self.name

    def text(self, values: Mapping[str, str]) -> str:
        """Return the text in force: the value, or the default."""
        return values.get(self.name, self.default)

    @abstractmethod
    def read(self, values: Mapping[str, str]) -> _T:
        """Return the value in force."""


class TextSetting(Setting[str]):
    """A text, or a secret."""

    __slots__ = ()

    def read(self, values: Mapping[str, str]) -> str:
        """Return the text."""
        return self.text(values)


class IntegerSetting(Setting[int]):
    """A whole number."""

    __slots__ = ()

    def read(self, values: Mapping[str, str]) -> int:
        """Return the number."""
        return int(self.text(values))


class FlagSetting(Setting[bool]):
    """True or false. One without a default is false until it is set, and its reader may decide otherwise by `is_set`."""

    __slots__ = ()

    def read(self, values: Mapping[str, str]) -> bool:
        """Return the flag."""
        return self.text(values).lower() in _TRUE


@dataclass(frozen=True, slots=True)
class PathSetting(Setting[Path]):
    """A path. One that is not set may be `inside` the folder of another setting, under a name."""

    inside: "tuple[PathSetting, str] | None" = None

    def read(self, values: Mapping[str, str]) -> Path:
        """Return the path, absolute."""
        if self.inside is not None and self.name not in values:
            parent, name = self.inside
            return parent.read(values) / name
        return Path(self.text(values)).absolute()


class SettingValues:
    """The values that are set, by name, and values that replace a default."""

    def __init__(self, values: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        """Keep the values, which were checked."""
        self._values = dict(values)
        self._defaults = dict(defaults)
        self._in_force = {**defaults, **values}

    def get(self, setting: Setting[_T]) -> _T:
        """Return the value of a setting that the caller was given; others are read as attributes."""
        return setting.read(self._in_force)

    def text(self, setting: Setting[Any]) -> str:
        """Return the value of a setting as its text."""
        return setting.text(self._in_force)

    def is_set(self, setting: Setting[Any]) -> bool:
        """Tell whether a value was given, whatever the default is."""
        return setting.name in self._values


def text(
    name: str,
    meaning: str,
    *,
    default: str = "",
    is_pem: bool = False,
    is_list: bool = False,
    choices: tuple[str, ...] = (),
) -> Setting[str]:
    """Declare a text. A list, with commas, and a certificate may be longer than others; `choices` are all values there are."""
    return TextSetting(name, Kind.TEXT, default, meaning, is_pem=is_pem, is_list=is_list, choices=choices)


def secret(name: str, meaning: str, *, is_pem: bool = False) -> Setting[str]:
    """Declare a text that appears in no log and no error."""
    return TextSetting(name, Kind.SECRET, "", meaning, is_pem=is_pem)


def integer(name: str, meaning: str, *, default: int, lowest: int = 0, highest: int = 1 << 40) -> Setting[int]:
    """Declare a whole number within limits."""
    return IntegerSetting(name, Kind.INTEGER, str(default), meaning, lowest=lowest, highest=highest)


def flag(name: str, meaning: str, *, default: bool | None = None) -> Setting[bool]:
    """Declare a switch."""
    return FlagSetting(name, Kind.BOOLEAN, "" if default is None else str(default).lower(), meaning)


def path(name: str, meaning: str, *, default: str = "", inside: tuple[PathSetting, str] | None = None) -> PathSetting:
    """Declare a path: with a default, or `inside` the folder of another setting, under a name."""
    return PathSetting(name, Kind.PATH, default, meaning, inside=inside)


def settings_of(section: type) -> tuple[Setting[Any], ...]:
    """Return the settings that a class declares, in order."""
    return tuple(setting for setting in vars(section).values() if isinstance(setting, Setting))


def trim(setting: Setting[Any], value: str) -> str:
    """Return a value without the line break at its end that files and secrets of Kubernetes often have."""
    return value if setting.is_multiline else value.strip("\r\n")


def check(setting: Setting[Any], value: str) -> None:
    """Raise StartUpError for a value that is not of the setting's kind."""
    if setting.status is not Status.USED:
        return
    if "\0" in value or not _is_encodable(value) or not (setting.is_multiline or value.isprintable()):
        characters = (
            "null characters or bytes that are not UTF-8" if setting.is_multiline else "line breaks or other control characters"
        )
        raise StartUpError(f"{setting.name} must not contain {characters}")
    may_be_long = setting.is_pem or setting.is_list
    if setting.kind in (Kind.TEXT, Kind.PATH) and not may_be_long and len(value) > LONGEST_TEXT:
        raise StartUpError(f"{setting.name} must be at most {LONGEST_TEXT} characters long")
    if setting.choices and value not in setting.choices:
        raise StartUpError(f"{setting.name} must be {' or '.join(setting.choices)}")
    if has_credentials(setting, value):
        raise StartUpError(f"{setting.name} must not contain a user, a password or a signature; they have settings of their own")
    if setting.kind is Kind.INTEGER and not _is_between(value, setting.lowest, setting.highest):
        raise StartUpError(f"{setting.name} must be a whole number from {setting.lowest} to {setting.highest}")
    if setting.kind is Kind.BOOLEAN and value.lower() not in _TRUE | _FALSE:
        raise StartUpError(f"{setting.name} must be true or false")


def has_credentials(setting: Setting[Any], value: str) -> bool:
    """Tell whether a value is an address with a password, or something like one, in it."""
    return setting.kind is Kind.TEXT and _ADDRESS.search(setting.name) is not None and _CREDENTIALS.search(value) is not None


def _is_encodable(value: str) -> bool:
    """Tell whether a value can be encoded: bytes of the environment that are not UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_between(value: str, lowest: int, highest: int) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 20 and lowest <= int(value) <= highest
