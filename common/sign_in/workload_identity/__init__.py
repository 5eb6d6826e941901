"""Workload identity: the issuers that an organization trusts, their policies, and the exchange of identity tokens."""
