"""Webhooks of organizations and stacks."""
