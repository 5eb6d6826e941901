"""Pages about an organization itself: who belongs to it, what they may do, and how they and programs sign in."""

from functions.pages.failures import install as install_errors

__all__ = ["install_errors"]
