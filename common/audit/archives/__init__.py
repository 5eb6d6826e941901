"""The hourly export of audit logs to a bucket or a container of the organization's own."""
