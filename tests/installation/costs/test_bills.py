"""The arithmetic of what an installation costs."""

import re

import pytest

from common.installation.costs.bills import bills
from common.installation.costs.model import Bill, Usage

IDLE = Usage(0, 0, 0, 0, awake_hours=5, document_gb=0, database_gb=0.001)
BUSY = Usage(3000, 1234, 90_000, 120_000, awake_hours=700, document_gb=12.5, database_gb=40)


def total(arithmetic: str) -> float:
    """Work out a text such as `2 × 730 h × 0.01` or `1.00 + 0.40`, as a reader does."""
    plain = re.sub(r"[^0-9.+×()]", "", arithmetic.replace(",", "")).replace("×", "*")
    return float(eval(plain, {}))


@pytest.mark.parametrize("usage", [IDLE, BUSY], ids=["idle", "busy"])
@pytest.mark.parametrize("number", range(4))
def test_amounts_are_what_the_text_beside_them_says(usage: Usage, number: int) -> None:
    """A reader who works a line out arrives at its amount, up to the rounding of what it shows."""
    bill = bills(usage)[number]
    # Words instead of numbers, a range, or a share that is free.
    worded = {"timer", "logs", "platform's store", "function, on demand"}
    lines = [line for line in bill.lines if line.what not in worded]

    assert len(lines) > 5
    for line in lines:
        text = line.arithmetic.replace("0.5 KB", "0.0000005").replace("at most ", "")
        assert line.usd == pytest.approx(total(text), rel=0.02, abs=0.01), line


def test_pausing_saves_money_only_while_there_is_little_to_do() -> None:
    """Idle, the database that pauses is the cheapest at AWS; at work for most of the month it costs more than an instance."""
    by_name = {usage.awake_hours: {bill.name: bill.usd for bill in bills(usage)} for usage in (IDLE, BUSY)}
    pausing, _, instance, _ = by_name[5]

    assert by_name[5][pausing] < by_name[5][instance]
    assert by_name[700][pausing] > by_name[700][instance]


def test_the_size_of_a_disk_is_at_least_what_is_deployed() -> None:
    """A small database pays for the smallest disk, a large one for its size."""

    def disks(usage: Usage) -> list[str]:
        return [line.arithmetic for bill in bills(usage) for line in bill.lines if line.what == "its disk"]

    assert ["20 GB × 0.115", "20 GB × 0.115"] == disks(IDLE)
    assert ["40 GB × 0.115", "40 GB × 0.115"] == disks(BUSY)


def test_a_range_is_added_up_at_both_ends() -> None:
    """Azure bills a function for the time of an update or twice as long; both sums are there."""
    azure: Bill = bills(BUSY)[-1]

    assert azure.most_usd - azure.usd == pytest.approx((2 * 120_000 - 90_000) * 2 * 0.000026)
