"""The client of OpenID Connect: metadata, keys and identity tokens, for sign-in and for workload identity. No I/O."""
