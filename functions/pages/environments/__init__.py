"""Pages about environments: lists, an environment with its values, editor, revisions, rotation, access and settings."""

from functions.pages.failures import install as install_errors

__all__ = ["install_errors"]
