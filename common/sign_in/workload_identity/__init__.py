"""Machine identity: issuers of identity tokens that an organization trusts, their policies, and the exchange of tokens."""
