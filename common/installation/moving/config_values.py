"""Configuration of updates in its three spellings: the service's, that of a DIY backend's history, and a stack's YAML file. Pure.

A DIY backend writes a text as it is, an object as JSON, and a secret as `{"secure": ciphertext}` wherever it is.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import yaml

from common.installation.moving.model import Config, ConfigValue, Translate

_SECURE = "secure"


def from_diy(values: dict[str, Any]) -> Config:
    """Return the service's spelling."""
    return {key: _from_diy(value) for key, value in values.items()}


def to_diy(config: Config) -> dict[str, Any]:
    """Return the spelling of a DIY backend, which a stack's file has too."""
    return {key: _to_diy(value) for key, value in config.items()}


def translated(config: Config, translate: Translate) -> Config:
    """Return a configuration with its secrets encrypted anew."""
    new = translate(list(dict.fromkeys(ciphertexts(config))))
    return {key: _translated(value, new) if value.secret else value for key, value in config.items()}


def ciphertexts(config: Config) -> Iterator[str]:
    """Yield the secrets of a configuration as they are encrypted."""
    for value in config.values():
        if value.secret:
            yield from _in_object(msgspec.json.decode(value.string)) if value.object else [value.string]


def file_text(config: Config, salt: str = "") -> str:
    """Return the text of a stack's configuration file; `salt` is that of a passphrase."""
    content = {**({"encryptionsalt": salt} if salt else {}), "config": to_diy(config)}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _from_diy(value: Any) -> ConfigValue:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return ConfigValue(value)
    if (ciphertext := _ciphertext(value)) is not None:
        return ConfigValue(ciphertext, secret=True)
    return ConfigValue(msgspec.json.encode(value).decode(), secret=any(True for _ in _in_object(value)), object=True)


def _to_diy(value: ConfigValue) -> Any:  # noqa: ANN401 - JSON
    if value.object:
        return msgspec.json.decode(value.string)
    return {_SECURE: value.string} if value.secret else value.string


def _translated(value: ConfigValue, new: dict[str, str]) -> ConfigValue:
    if not value.object:
        return ConfigValue(new[value.string], secret=True)
    content = _replaced(msgspec.json.decode(value.string), lambda ciphertext: {_SECURE: new[ciphertext]})
    return ConfigValue(msgspec.json.encode(content).decode(), secret=True, object=True)


def _in_object(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    found: list[str] = []
    _replaced(value, found.append)
    return iter(found)


def _replaced(value: Any, replace: Callable[[str], Any]) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with each secret in it replaced."""
    if (ciphertext := _ciphertext(value)) is not None:
        return replace(ciphertext)
    if isinstance(value, dict):
        return {key: _replaced(item, replace) for key, item in value.items()}
    return [_replaced(item, replace) for item in value] if isinstance(value, list) else value


def _ciphertext(value: Any) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and list(value) == [_SECURE] and isinstance(value[_SECURE], str):
        return str(value[_SECURE])
    return None
