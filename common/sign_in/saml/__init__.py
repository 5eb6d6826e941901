"""An organization's own SAML 2.0 identity provider."""
