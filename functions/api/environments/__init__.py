"""Environments, by what people do with them. The addresses from before projects lead to the same handlers (preview.py)."""
