"""The audit log of organizations: what is recorded, and how it is read."""
