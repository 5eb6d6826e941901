"""Plays a hard day and prints what it came to: `make hard-day`, or `python -m tests.hard_day --help`."""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.hard_day.day import Plan, run
from tests.hard_day.faults import KINDS

LOGS = Path(__file__).parents[2] / "build" / "hard-day"


def main() -> int:
    """Return 0 if nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.hard_day", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--stacks", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2, help="rounds of each kind")
    parser.add_argument("--seconds", type=float, default=10, help="seconds of a round in which faults happen")
    parser.add_argument("--patience", type=float, default=20, help="seconds for which clients repeat a request")
    parser.add_argument("--kind", default="", help="only kinds with this in their name")
    given = parser.parse_args()
    os.nice(10)
    kinds = [kind for kind in KINDS if given.kind in kind.name]
    plan = Plan(given.seed, given.stacks, given.rounds, given.seconds, given.patience)
    began = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    outcome = run(plan, kinds, logs=LOGS, tell=True)
    print(outcome.table())
    print(f"\nseed {plan.seed}, {plan.stacks} stacks, {outcome.faults:,} faults in {time.monotonic() - began:.0f} s")
    for error, count in outcome.errors.most_common(40):
        print(f"{count:6} {error}")
    for problem in outcome.findings.problems:
        print(f"PROBLEM {problem}")
    return 1 if outcome.findings.problems else 0


if __name__ == "__main__":
    sys.exit(main())
