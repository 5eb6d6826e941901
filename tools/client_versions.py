"""The versions of the clients that the end-to-end tests drive; tests/e2e/tools/ has a folder for each."""

CLI_VERSIONS = ("3.276.0", "3.274.1", "3.260.0", "3.225.1", "3.214.1")
YAML_HOST_VERSION = "1.25.0"
