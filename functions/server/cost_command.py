"""What `stackhold cost` does: counts what the installation was used for, and says what that is a month in each cloud."""

from collections.abc import Callable
from contextlib import closing

import msgspec

from common.config.settings import Settings
from common.installation.costs.bills import bills
from common.installation.costs.model import DATABASE_IO_EACH, REQUESTS_EACH, Bill, Counted, Line, Usage
from common.installation.costs.prices import AS_OF, SOURCES
from common.installation.costs.service import count_usage
from functions.server import startup
from functions.server.progress import Progress

Report = Callable[[str], object]


def report_costs(settings: Settings, *, as_json: bool, report: Report) -> None:
    """Report what was counted, what is estimated, and the bill of each way to run this installation."""
    progress = Progress()
    with closing(startup.open_existing(settings)) as backend:
        counted = count_usage(backend, show=progress.show)
    progress.end()
    report(_json(counted) if as_json else "\n".join(_lines(counted)))


def amount(item: Line | Bill) -> str:
    """Return an amount of dollars, or a range of two."""
    low, high = f"{item.usd:,.2f}", f"{item.most_usd:,.2f}"
    return low if low == high else f"{low} to {high}"


def _lines(counted: Counted) -> list[str]:
    usage = counted.usage
    return [
        f"List prices of {AS_OF} in US dollars a month, without free tiers: us-east-1 for AWS, West Europe for Azure.",
        "",
        f"Counted, in the last {counted.days:.0f} days",
        f"  {counted.updates:,} updates and {counted.previews:,} previews, {counted.event_batches:,} batches of events",
        f"  {usage.busy_seconds / 3600:,.1f} hours a month with one of them at work",
        f"  {counted.database_bytes / 1e6:,.1f} MB in the database",
        f"  {counted.documents:,} documents in the object stores",
        "",
        "Estimated",
        *(f"  {text}" for text in _estimates(counted, usage)),
        *(text for bill in bills(usage) for text in _bill_lines(bill)),
        "",
        f"The prices change: {', '.join(SOURCES)} have pages with those of today (docs/costs.md).",
    ]


def _estimates(counted: Counted, usage: Usage) -> list[str]:
    size = f"{counted.document_bytes / 1e6:,.1f} MB in documents"
    sample = f", from {counted.sampled_documents:,} of them" if counted.sampled_documents < counted.documents else ""
    return [
        f"{usage.requests:,.0f} requests a month: {REQUESTS_EACH} for each update and preview, and nothing for pages",
        f"{usage.database_io_millions:,.2f} million inputs and outputs of a database's disk a month: {DATABASE_IO_EACH} for each",
        f"{usage.awake_hours:,.0f} hours a month in which a database that pauses is awake, for these updates and the jobs",
        size + sample,
    ]


def _bill_lines(bill: Bill) -> list[str]:
    rows = [f"  {item.what}: {item.arithmetic} = {amount(item)}" for item in bill.lines if item.arithmetic]
    return ["", f"{bill.name.replace('`', '')}: {amount(bill)}", *rows]


def _json(counted: Counted) -> str:
    usage = counted.usage
    content = {
        "pricesAsOf": AS_OF,
        "sources": dict(SOURCES),
        "counted": {
            "days": round(counted.days, 2),
            "updates": counted.updates,
            "previews": counted.previews,
            "eventBatches": counted.event_batches,
            "busyHoursAMonth": round(usage.busy_seconds / 3600, 2),
            "databaseBytes": counted.database_bytes,
            "documents": counted.documents,
        },
        "estimated": {
            "requestsAMonth": round(usage.requests),
            "databaseIoMillionsAMonth": round(usage.database_io_millions, 3),
            "awakeHoursAMonth": round(usage.awake_hours, 1),
            "documentBytes": counted.document_bytes,
            "sampledDocuments": counted.sampled_documents,
        },
        "bills": [
            {
                "name": bill.name.replace("`", ""),
                "usd": round(bill.usd, 2),
                "mostUsd": round(bill.most_usd, 2),
                "lines": [
                    {
                        "what": item.what,
                        "arithmetic": item.arithmetic,
                        "usd": round(item.usd, 2),
                        "mostUsd": round(item.most_usd, 2),
                    }
                    for item in bill.lines
                ],
            }
            for bill in bills(usage)
        ],
    }
    return msgspec.json.encode(content).decode()
