"""What is read from evaluated values: plain JSON, environment variables, files. Upstream: value.go, environment.go."""

from common.environments.language.environment import Environment, EscValue
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.path import Path
from common.environments.language.syntax.text import quoted
from common.environments.language.values.plain import Json
from common.environments.language.values.text import scalar_text

SECRET = "[secret]"  # noqa: S105 - what is shown for one
UNKNOWN = "[unknown]"


def to_plain(value: EscValue, *, is_redacted: bool) -> Json:
    """Return a value as plain JSON; redacted, placeholders stand for secrets."""
    if value.secret and is_redacted:
        return SECRET
    if value.unknown:
        return UNKNOWN
    content = value.value
    if isinstance(content, list):
        return [to_plain(element, is_redacted=is_redacted) for element in content]
    if isinstance(content, dict):
        return {name: to_plain(member, is_redacted=is_redacted) for name, member in content.items()}
    return content


def to_text(value: EscValue, *, is_redacted: bool) -> str:
    """Return a value as text; redacted, placeholders stand for secrets."""
    if value.secret and is_redacted:
        return SECRET
    if value.unknown:
        return UNKNOWN
    content = value.value
    if isinstance(content, list):
        return ",".join(quoted(to_text(element, is_redacted=is_redacted)) for element in content)
    if isinstance(content, dict):
        names = sorted(content)
        return ",".join(f"{quoted(name)}={quoted(to_text(content[name], is_redacted=is_redacted))}" for name in names)
    return scalar_text(content)


def environment_variables(environment: Environment) -> dict[str, EscValue]:
    """Return the environment variables that an environment sets: the scalars in `environmentVariables`, as text."""
    return _texts(environment, "environmentVariables")


def temporary_files(environment: Environment) -> dict[str, EscValue]:
    """Return the contents of the files that an environment provides, by the variables that will hold their paths."""
    return _texts(environment, "files")


def _texts(environment: Environment, name: str) -> dict[str, EscValue]:
    members = environment.properties.get(name) if environment.properties is not None else None
    if members is None or not isinstance(members.value, dict):
        return {}
    return {
        key: EscValue(to_text(value, is_redacted=False), secret=value.secret)
        for key, value in members.value.items()
        if value.value is None or isinstance(value.value, bool | str | Number)
    }


def find_property(environment: Environment, path: Path) -> EscValue | None:
    """Return the value at a path, or None: what a client asks for with `property=`."""
    value: EscValue | None = EscValue(environment.properties or {})
    for step in path:
        content = value.value if value is not None else None
        if isinstance(content, dict) and isinstance(step, str):
            value = content.get(step)
        elif isinstance(content, list) and isinstance(step, int) and 0 <= step < len(content):
            value = content[step]
        else:
            return None
    return value
