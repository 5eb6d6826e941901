"""The OpenID Connect issuers of this server: their keys, what they publish, and the identity tokens that they sign."""
