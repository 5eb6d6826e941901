"""The counter of statements, blob calls and key calls; `make bench` uses the same."""

from bench.counting import Counter, counted

__all__ = ["Counter", "counted"]
