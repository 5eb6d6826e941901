"""Webhooks of organizations, stacks and environments."""
