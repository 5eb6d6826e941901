"""SCIM 2.0, which answers errors in a form of its own."""

from functions.api.scim.errors import install as install_errors

__all__ = ["install_errors"]
