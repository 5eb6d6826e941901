"""What people see in a browser: pages rendered here, without scripts; the command line's browser login ends in them."""

from functions.pages.failures import install as install_errors

__all__ = ["install_errors"]
