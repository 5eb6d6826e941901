"""Users and groups that an organization's directory provisions (SCIM 2.0)."""
