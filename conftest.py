"""Loads the plugin that closes every test run; fixtures are in tests/conftest.py."""

pytest_plugins = ["tests.reporting"]
