"""What `stackhold audit verify` and `stackhold audit export` do."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from common.audit import integrity
from common.audit.verification import Verification
from common.config.settings import Settings
from common.core.errors import StartUpError
from functions.server import startup


def verify_export(path: Path, *, report: Callable[[str], object]) -> bool:
    """Verify an export without an installation, report the result, and tell whether all is well."""
    try:
        with path.open("rb") as lines:
            return _report(str(path), integrity.verify_export(lines), report)
    except OSError as error:
        raise StartUpError(f"cannot read {path}: {error.strerror}") from error


def verify(settings: Settings, org: str | None, *, report: Callable[[str], object]) -> bool:
    """Verify the logs of one organization or all, report the results, and tell whether all is well."""
    with closing(startup.open_existing(settings)) as backend:
        orgs = integrity.list_organizations(backend, org)
        results = [_report(login, integrity.verify_log(backend, org_id), report) for org_id, login in orgs]
    return all(results)


def export(settings: Settings, org: str, *, write: Callable[[bytes], object]) -> None:
    """Write a whole log, line by line."""
    with closing(startup.open_existing(settings)) as backend:
        ((org_id, _),) = integrity.list_organizations(backend, org)
        for line in integrity.export_log(backend, org_id):
            write(line)


def _report(name: str, result: Verification, report: Callable[[str], object]) -> bool:
    earlier = f"; {_records(result.unchained)} from before the chain cannot be verified" if result.unchained else ""
    if result.fault is not None:
        line = f" (line {result.fault.line})" if result.fault.line else ""
        report(f"{name}: record {result.fault.sequence} {result.fault.problem}{line}: {result.fault.text}")
        return False
    since = f" since {datetime.fromtimestamp(result.since // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if result.since else ""
    report(f"{name}: {_records(result.chained)} unaltered{since}{earlier}")
    return True


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"
