"""Rows of issues, and of the results of policies."""
