"""The arithmetic of docs/costs.md: what each way of running an installation costs in a month. No I/O."""

from common.installation.costs import prices as at
from common.installation.costs.model import Bill, Line, Usage, line

# What the templates deploy: gigabytes of memory of the functions, and of a database's disk at least.
_API_GB, _JOBS_GB, _AZURE_GB = 1.73, 1, 2
_RDS_DISK_GB, _AURORA_DISK_GB, _FLEXIBLE_DISK_GB = 20, 1, 20
_SMALLEST_UNITS = 0.5
_INSTANCE_ALARMS, _SERVERLESS_ALARMS = 7, 4
# What is taken for granted of a request: seconds of a function, kilobytes of a log, and how many meet a new process.
_REQUEST_SECONDS, _LOG_GB, _REQUESTS_PER_RESTORE = 0.05, 0.5 / 1_000_000, 600
_PLATFORM_WRITES = 150_000


def bills(usage: Usage) -> list[Bill]:
    """Return the bills of all ways of running an installation, the cheapest of AWS first when nothing happens."""
    return [serverless(usage), serverless(usage, has_snapshot=True), instance(usage), azure(usage)]


def serverless(usage: Usage, *, has_snapshot: bool = False) -> Bill:
    """Return the bill of AWS with `DatabaseKind=serverless`."""
    gigabytes = max(_AURORA_DISK_GB, usage.database_gb)
    millions = usage.database_io_millions
    lists, marks = at.MINUTES, min(4 * (usage.updates + usage.previews), 2 * at.MINUTES)
    standing = (
        _endpoints(),
        _keys(),
        _jobs(),
        _watching(_SERVERLESS_ALARMS),
        *([_snapshot()] if has_snapshot else []),
    )
    growing = (
        line(
            "disk of the database",
            f"{_number(gigabytes)} GB × {_text(at.AURORA_GB)} + {_number(millions)} million inputs and outputs"
            f" × {_text(at.AURORA_MILLION_IO)}",
            gigabytes * at.AURORA_GB + millions * at.AURORA_MILLION_IO,
        ),
        line(
            "database at work",
            f"{usage.awake_hours:,.0f} h × {_SMALLEST_UNITS} units × {_text(at.AURORA_UNIT_HOUR)}",
            usage.awake_hours * _SMALLEST_UNITS * at.AURORA_UNIT_HOUR,
        ),
        line(
            "schedule in the store",
            f"({lists:,} lists + {marks:,.0f} marks) × {_text(at.S3_WRITE)}",
            (lists + marks) * at.S3_WRITE,
        ),
        *_requests(usage, has_snapshot=has_snapshot),
    )
    name = "AWS, `DatabaseKind=serverless`" + ("" if has_snapshot else ", `SnapStart=false`")
    return Bill(name, standing, growing)


def instance(usage: Usage) -> Bill:
    """Return the bill of AWS with `DatabaseKind=instance`."""
    gigabytes = max(_RDS_DISK_GB, usage.database_gb)
    standing = (
        line("database db.t4g.micro", f"{at.HOURS} h × {_text(at.RDS_HOUR)}", at.HOURS * at.RDS_HOUR),
        line("its disk", f"{_number(gigabytes)} GB × {_text(at.RDS_GB)}", gigabytes * at.RDS_GB),
        _endpoints(),
        _keys(),
        _snapshot(),
        _jobs(),
        _watching(_INSTANCE_ALARMS),
    )
    return Bill("AWS, `DatabaseKind=instance` (db.t4g.micro)", standing, tuple(_requests(usage, has_snapshot=True)))


def azure(usage: Usage) -> Bill:
    """Return the bill of Azure with the smallest server. The timer is within the free grant; everything else pays."""
    gigabytes = max(_FLEXIBLE_DISK_GB, usage.database_gb)
    timer = at.MINUTES * _AZURE_GB
    standing = (
        line("MySQL B1ms", f"{at.HOURS} h × {_text(at.FLEXIBLE_HOUR)}", at.HOURS * at.FLEXIBLE_HOUR),
        line("its disk", f"{_number(gigabytes)} GB × {_text(at.FLEXIBLE_GB)}", gigabytes * at.FLEXIBLE_GB),
        line(
            "timer",
            f"{at.MINUTES:,} runs × 1 s (the least that is billed) × {_AZURE_GB} GB = {timer:,} GB-s;"
            f" {at.FREE_GB_SECONDS:,} a month are free",
            max(0, timer - at.FREE_GB_SECONDS) * at.FUNCTION_GB_SECOND,
        ),
        line(
            "platform's store",
            f"leases and state of the timer, some {_PLATFORM_WRITES:,} writes × {_text(at.PLATFORM_WRITE)}",
            _PLATFORM_WRITES * at.PLATFORM_WRITE,
        ),
        line("private DNS zone", _text(at.DNS_ZONE), at.DNS_ZONE),
        line("logs", "under the 5 GB that are free", 0),
    )
    return Bill("Azure, B1ms", standing, tuple(_azure_requests(usage)))


def _endpoints() -> Line:
    what = "VPC endpoints for KMS and Secrets Manager, one zone"
    return line(what, f"2 × {at.HOURS} h × {_text(at.ENDPOINT_HOUR)}", 2 * at.HOURS * at.ENDPOINT_HOUR)


def _keys() -> Line:
    return line(
        "key; secret of the database's administrator", f"{_text(at.KMS_KEY)} + {_text(at.SECRET)}", at.KMS_KEY + at.SECRET
    )


def _snapshot() -> Line:
    return line(
        "snapshot of the published version",
        f"{_API_GB} GB × {at.SECONDS:,} s × {_text(at.SNAPSHOT_GB_SECOND)}",
        _API_GB * at.SECONDS * at.SNAPSHOT_GB_SECOND,
    )


def _jobs() -> Line:
    return line(
        "jobs",
        f"{at.MINUTES:,} runs × 0.1 s × {_JOBS_GB} GB × {_text(at.LAMBDA_GB_SECOND)}"
        f" + {at.MINUTES:,} × {_text(at.LAMBDA_REQUEST)}",
        at.MINUTES * (0.1 * _JOBS_GB * at.LAMBDA_GB_SECOND + at.LAMBDA_REQUEST),
    )


def _watching(alarms: int) -> Line:
    words = {_SERVERLESS_ALARMS: "four", _INSTANCE_ALARMS: "seven"}[alarms]
    return line(f"{words} alarms; logs", f"{alarms * at.ALARM:.2f} + 0.05", alarms * at.ALARM + 0.05)


def _requests(usage: Usage, *, has_snapshot: bool) -> list[Line]:
    """Return what requests cost at AWS: gateway, function, documents, key, logs."""
    requests, updates = usage.requests, usage.updates
    return [
        line("gateway", f"{requests:,.0f} × {_text(at.GATEWAY_REQUEST)}", requests * at.GATEWAY_REQUEST),
        line("function, requests", f"{requests:,.0f} × {_text(at.LAMBDA_REQUEST)}", requests * at.LAMBDA_REQUEST),
        line(
            "function, time",
            f"{requests:,.0f} × {_REQUEST_SECONDS} s × {_API_GB} GB × {_text(at.LAMBDA_GB_SECOND)}",
            requests * _REQUEST_SECONDS * _API_GB * at.LAMBDA_GB_SECOND,
        ),
        *([_restores(requests / _REQUESTS_PER_RESTORE)] if has_snapshot else []),
        line(
            "S3, calls",
            f"({3 * updates:,.0f} uploads + {updates:,.0f} listings) × {_text(at.S3_WRITE)}"
            f" + {updates:,.0f} downloads × {_text(at.S3_READ)}",
            updates * (4 * at.S3_WRITE + at.S3_READ),
        ),
        line("S3, documents", f"{_number(usage.document_gb)} GB × {_text(at.S3_GB)}", usage.document_gb * at.S3_GB),
        line("KMS, two calls an update", f"{2 * updates:,.0f} × {_text(at.KMS_CALL)}", 2 * updates * at.KMS_CALL),
        line("logs of requests", f"{requests:,.0f} × 0.5 KB × {_text(at.LOGS_GB)} a GB", requests * _LOG_GB * at.LOGS_GB),
    ]


def _restores(count: float) -> Line:
    return line(
        f"restores, if one request in {_REQUESTS_PER_RESTORE} meets a new process",
        f"{count:,.0f} × {_API_GB} GB × {_text(at.RESTORED_GB)}",
        count * _API_GB * at.RESTORED_GB,
    )


def _azure_requests(usage: Usage) -> list[Line]:
    """Return what requests cost at Azure: function, documents, key."""
    # A request's instance is billed for as long as the update lasts, or twice as long where its requests are far apart.
    least, most = usage.busy_seconds * _AZURE_GB, 2 * usage.total_seconds * _AZURE_GB
    writes = 3 * usage.updates
    return [
        line(
            "function, on demand",
            f"{least:,.0f} to {most:,.0f} GB-s × {_text(at.FUNCTION_GB_SECOND)}",
            least * at.FUNCTION_GB_SECOND,
            most * at.FUNCTION_GB_SECOND,
        ),
        line("executions", f"{usage.requests:,.0f} × {_text(at.EXECUTION)}", usage.requests * at.EXECUTION),
        line("Blob Storage (ZRS), writes", f"3 × {usage.updates:,.0f} × {_text(at.BLOB_WRITE)}", writes * at.BLOB_WRITE),
        line("its documents", f"{_number(usage.document_gb)} GB × {_text(at.BLOB_GB)}", usage.document_gb * at.BLOB_GB),
        line("Key Vault", f"at most {usage.updates:,.0f} calls × {_text(at.VAULT_CALL)}", usage.updates * at.VAULT_CALL),
    ]


def _text(usd: float) -> str:
    """Return a price with as many digits as it has, two at least."""
    whole, _, digits = f"{usd:.10f}".rstrip("0").partition(".")
    return f"{whole}.{digits.ljust(2, '0')}"


def _number(value: float) -> str:
    """Return a number of gigabytes or millions."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")
