"""The copy of audit logs in DynamoDB, for installations that set PULUMI_AUDIT_LOGS_DYNAMO_TABLE.

Records are written to the database with their hash chain, and the outbox copies them into the table, from which listings and
exports read them.
"""
