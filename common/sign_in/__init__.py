"""Sign-in: with an address and a password, with identity providers, and for machines; sessions of browsers."""
