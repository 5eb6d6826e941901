"""Pages of stacks: lists, a stack, its updates and resources, who has access, its settings."""

from functions.pages.failures import install as install_errors

__all__ = ["install_errors"]
