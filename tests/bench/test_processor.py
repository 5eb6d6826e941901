"""The benchmark of processor time."""

from pathlib import Path

from bench import processor


def test_measures_each_request_beside_a_bare_route(tmp_path: Path) -> None:
    """Each kind of request has as many times, and a ratio to its bare route."""
    costs = processor.measure(tmp_path, 2, ("SQLite",))
    rows = processor.rows(costs)

    assert {2} == {len(cost.seconds) for cost in costs}
    assert {len(processor.HEAD)} == {len(row) for row in rows}
    assert ["1.00", "1.00"] == [row[4] for row in rows if row[1] in ("a bare read", "a bare insert")]
    assert len(rows) > 5
