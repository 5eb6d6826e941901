"""`python -m bench`: runs all parts, or those named, and writes bench/results/<date>.md.

python -m bench                                          about fifteen minutes
python -m bench budgets startup
python -m bench people --orgs 5 --stacks 100 --members 20
python -m bench cli --sizes 100x16384 --versions 3.274.1 --rounds 5 --minutes 30
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import (
    audit_chain,
    audit_cost,
    aws_lambda,
    budgets,
    console,
    environments,
    large_state,
    people_load,
    processor,
    report,
    servers,
    startup,
    webhook_cost,
    wire_load,
)
from bench.cli_load import SIZES, VERSIONS, Load
from bench.people_rows import Size as PeopleSize
from bench.program import Size

PARTS = (
    "budgets",
    "processor",
    "startup",
    "lambda",
    "wire",
    "large",
    "environments",
    "console",
    "people",
    "audit",
    "webhooks",
    "cli",
)
TARGETS = (servers.OURS, servers.NULL, servers.FILES)
PLANS = (wire_load.Plan(1, 5, 10, 0), wire_load.Plan(1, 2, 100, 16384), wire_load.Plan(8, 2, 100, 1024))
_LARGE = PeopleSize()
_LONG_LOG = audit_chain.Plan()
_WARM_UP = wire_load.Plan(1, 1, 2, 0)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run the parts in order; exit code 1 when a kind of request exceeds its budget."""
    options = _options()
    found = report.Report()
    deadline = time.monotonic() + options.minutes * 60
    is_over = False
    with tempfile.TemporaryDirectory(prefix="stackhold-bench-") as folder:
        for part in options.parts or PARTS:
            print(f"{part} …", file=sys.stderr, flush=True)
            is_over |= _run(part, Path(folder), found, options, deadline)
    path = found.write(options.results)
    print(path.read_text("utf-8"))
    print(f"Written to {path}", file=sys.stderr)
    return 1 if is_over else 0


def _run(part: str, root: Path, found: report.Report, options: argparse.Namespace, deadline: float) -> bool:
    """Run one part and tell whether a budget was exceeded."""
    folder = root / part
    folder.mkdir()
    match part:
        case "budgets":
            kinds = budgets.measure(folder, options.repeats)
            report.add_budgets(found, kinds)
            return any(kind.is_over for kind in kinds)
        case "startup":
            routes = startup.routes(folder)
            report.add_startup(found, startup.starts(folder), routes)
        case "lambda":
            rows = aws_lambda.rows(aws_lambda.measure(folder))
            found.add("The packed Lambda function", aws_lambda.__doc__ or "", ("what", "median"), rows)
        case "wire":
            report.add_wire(found, _wire(folder))
        case "large":
            report.add_large(found, large_state.measure(folder, options.megabytes))
        case "environments" | "processor" | "console" | "audit" | "webhooks":
            return _TABLES[part](folder, found, options)
        case "people":
            size = PeopleSize(options.orgs, options.stacks, options.members)
            found_people = people_load.measure(folder, size, options.repeats)
            report.add_people(found, found_people)
            return any(taken.is_over for taken in found_people.lists)
        case "cli":
            load = Load(folder, options.versions, options.sizes, options.rounds, deadline, options.targets)
            load.run()
            report.add_cli(found, load)
    return False


def _environments(_: Path, found: report.Report, options: argparse.Namespace) -> bool:
    figures = environments.measure(options.repeats) + environments.measure_over_http(options.repeats)
    found.add("Environments", environments.__doc__ or "", ("what", "median", "at most"), environments.rows(figures))
    return any(figure.is_over for figure in figures)


def _processor(folder: Path, found: report.Report, options: argparse.Namespace) -> bool:
    costs = processor.measure(folder, 20 * options.repeats)
    found.add("Processor time of requests", processor.__doc__ or "", processor.HEAD, processor.rows(costs))
    return False


def _console(folder: Path, found: report.Report, options: argparse.Namespace) -> bool:
    views = console.measure(folder, min(options.repeats, 5))
    found.add("The console", console.__doc__ or "", console.HEAD, console.rows(views))
    return any(view.is_over for view in views)


def _audit(folder: Path, found: report.Report, options: argparse.Namespace) -> bool:
    chains = audit_chain.measure(folder, audit_chain.Plan(options.records, options.faults))
    found.add("The hash chain of the audit log", audit_chain.__doc__ or "", audit_chain.HEAD, audit_chain.rows(chains))
    costs = audit_cost.measure(folder, options.repeats)
    found.add("The cost of a record", audit_cost.__doc__ or "", audit_cost.HEAD, audit_cost.rows(costs))
    return any(chain.is_over for chain in chains) or any(cost.is_over for cost in costs)


def _webhooks(folder: Path, found: report.Report, options: argparse.Namespace) -> bool:
    costs = webhook_cost.measure(folder, options.repeats)
    found.add("Updates and receivers of webhooks", webhook_cost.__doc__ or "", webhook_cost.HEAD, webhook_cost.rows(costs))
    return any(cost.is_over for cost in costs)


_TABLES = {"environments": _environments, "processor": _processor, "console": _console, "audit": _audit, "webhooks": _webhooks}


def _wire(folder: Path) -> list[wire_load.Figures]:
    with servers.ours(folder) as ours, servers.null(folder) as null:
        for target in (ours, null):
            wire_load.run(target, _WARM_UP)
        return [wire_load.run(target, plan) for plan in PLANS for target in (ours, null)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)}; all by default")
    parser.add_argument("--minutes", type=float, default=10, help="no further round of the command line begins after so many")
    parser.add_argument(
        "--repeats",
        type=int,
        default=20,
        help="budgets, people: rounds of every kind of request; processor: twenty times as many",
    )
    parser.add_argument("--megabytes", type=int, default=25, help="large: size of the state")
    parser.add_argument("--orgs", type=int, default=_LARGE.orgs, help="people: number of organizations")
    parser.add_argument("--stacks", type=int, default=_LARGE.stacks, help="people: stacks of each organization")
    parser.add_argument("--members", type=int, default=_LARGE.members, help="people: members of each organization")
    parser.add_argument("--records", type=int, default=_LONG_LOG.records, help="audit: number of records")
    parser.add_argument("--faults", type=int, default=_LONG_LOG.faults, help="audit: changes of each kind")
    parser.add_argument("--versions", type=_words, default=VERSIONS, help="cli: versions of the command line, with commas")
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="cli: RESOURCESxBYTES, with commas")
    parser.add_argument("--rounds", type=int, help="cli: rounds of each size; by default fewer for the large ones")
    parser.add_argument("--targets", type=_words, default=TARGETS, help=f"cli: of {','.join(TARGETS)}")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    options = parser.parse_args()
    for name, allowed in (("parts", PARTS), ("targets", TARGETS)):
        if unknown := set(getattr(options, name)) - set(allowed):
            parser.error(f"unknown {name}: {', '.join(sorted(unknown))}")
    return options


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _sizes(text: str) -> list[Size]:
    return [Size.parse(word) for word in _words(text)]


if __name__ == "__main__":
    sys.exit(main())
