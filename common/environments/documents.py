"""Reads the parts of an environment's document that an empty store needs: its imports, and whether it has values.

Clients send the list of environments of a stack as JSON, which is read here. Other YAML, and values, are refused as not
built rather than half understood.
"""

from dataclasses import dataclass

import msgspec

from common.core.errors import BadRequest, NotBuilt

_SHOWN_CHARACTERS = 200
# The reply names each import that does not exist.
IMPORTS_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error in a document; the fields are upstream's EnvironmentDiagnostic. Without a range clients show no excerpt."""

    summary: str
    path: str
    severity: str = "error"


class InvalidDocument(BadRequest):
    """The document has errors; clients show them from the list, where it is not empty (esc.md 4.1)."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        """Store the list; the message says how many there are."""
        super().__init__(f"the environment has {len(diagnostics)} error{'s' if len(diagnostics) > 1 else ''}")
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Document:
    """The imports of a document, as written, and whether it has values of its own."""

    imports: tuple[str, ...]
    has_values: bool


def read(text: bytes) -> Document:
    """Return a document; InvalidDocument for a wrong form, NotBuilt for one that needs the language."""
    if not text.strip():
        return Document((), has_values=False)
    root = _parse(text)
    if isinstance(root, str):
        # The vendor's SDK sends the document as a JSON string (esc.md 2.10).
        root = _parse(root.encode()) if root.strip() else {}
    if not isinstance(root, dict):
        raise _invalid("", "environment must be an object")
    members = {str(key).lower(): value for key, value in root.items()}
    return Document(_imports(members.get("imports")), has_values=bool(members.get("values")))


def missing(position: int, name: str) -> Diagnostic:
    """Return the diagnostic of an import that does not exist."""
    return Diagnostic(f"environment {name[:_SHOWN_CHARACTERS]!a} not found", f"imports[{position}]")


def _parse(text: bytes) -> object:
    if all(line.strip()[:1] in (b"", b"#") for line in text.splitlines()):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotBuilt("this server reads lists of environments, but not yet environments written in YAML") from None


def _imports(entries: object) -> tuple[str, ...]:
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise _invalid("imports", "imports must be a list")
    if len(entries) > IMPORTS_LIMIT:
        raise _invalid("imports", f"an environment imports at most {IMPORTS_LIMIT} environments")
    return tuple(_import(position, entry) for position, entry in enumerate(entries))


def _import(position: int, entry: object) -> str:
    if isinstance(entry, dict):
        if len(entry) != 1:
            raise _invalid(f"imports[{position}]", "import must have a single key")
        entry = next(iter(entry))
    if not isinstance(entry, str):
        raise _invalid(f"imports[{position}]", "import must be a string or an object")
    return entry


def _invalid(path: str, summary: str) -> InvalidDocument:
    return InvalidDocument([Diagnostic(summary, path)])
