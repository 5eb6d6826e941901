import pytest

from bench.startup import PROGRAMS, run


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_that_is_timed_runs(name: str) -> None:
    """Each program that the start-up part times ends without an error."""
    seconds, cpu_seconds = run(PROGRAMS[name])

    assert seconds > 0
    assert cpu_seconds > 0
