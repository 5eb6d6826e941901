"""What `stackhold verify` does: looks at stored states, documents and data keys, and says what is missing or damaged."""

from collections.abc import Callable
from contextlib import closing

import msgspec

from common.backend import Backend
from common.config.settings import Settings
from common.crypto import wrapped_keys
from common.installation.backups.service.missing_documents import find_missing_documents
from common.stacks.state.service import check_states
from functions.server import startup
from functions.server.progress import Progress


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one state, document or data key."""

    kind: str
    name: str
    problem: str


class Report(msgspec.Struct, rename="camel"):
    """How much was looked at, and what is wrong."""

    all_versions: bool
    states: int = 0
    documents: int = 0
    keys: int = 0
    problems: list[Problem] = msgspec.field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Tell whether there is no problem."""
        return not self.problems


def verify(settings: Settings, *, all_versions: bool, as_json: bool, report: Callable[[str], object]) -> bool:
    """Report what cannot be read, and how much was looked at; tell whether all is well."""
    result = Report(all_versions)
    with closing(startup.open_existing(settings)) as backend:
        examine(backend, result, Progress())
    if as_json:
        report(msgspec.json.encode(result).decode())
    else:
        report("\n".join(_lines(result)))
    return result.is_well


def examine(backend: Backend, result: Report, progress: Progress) -> None:
    """Look at everything and add it to a report. Each part goes on after a problem in it."""
    _check_keys(backend, result, progress)
    _check_states(backend, result, progress)
    _check_documents(backend, result, progress)
    progress.end()


def _check_keys(backend: Backend, result: Report, progress: Progress) -> None:
    for key, problem in wrapped_keys.check_keys(backend):
        result.keys += 1
        progress.show(f"data keys: {result.keys:,}")
        if problem:
            result.problems.append(Problem("key", str(key), problem))


def _check_documents(backend: Backend, result: Report, progress: Progress) -> None:
    progress.show("documents in the object stores")
    result.documents, missing = find_missing_documents(backend)
    named = "\n".join(problem.problem for problem in result.problems)  # A state's problem names its document.
    result.problems += [
        Problem("document", key, "the document is missing from the object store") for key in missing if key not in named
    ]


def _check_states(backend: Backend, result: Report, progress: Progress) -> None:
    for version, problem in check_states(backend, newest_only=not result.all_versions):
        result.states += 1
        progress.show(f"states: {result.states:,}")
        if problem:
            result.problems.append(Problem("state", f"version {version.version} of stack '{version.path}'", problem))


def _lines(result: Report) -> list[str]:
    what = "version" if result.all_versions else "stack"
    counts = [
        _count(result.states, what),
        _count(result.keys, "data key"),
        _count(result.documents, "document"),
        _count(len(result.problems), "problem"),
    ]
    return [*(f"{problem.name}: {problem.problem}" for problem in result.problems), ", ".join(counts)]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
