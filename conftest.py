"""Loads the plugins: what closes every test run, runs tests on each database, and stands in for a cloud's services."""

pytest_plugins = ["tests.reporting", "tests.dialects", "tests.hosts.fixtures"]
