"""What an installer makes its first account and organization with; no part of upstream's description of the API."""

import msgspec


class SignUpRequest(msgspec.Struct, rename="camel"):
    """An account to make; `token` is an invitation's, `captcha` is taken and not looked at."""

    login_name: str
    email: str
    password: str
    name: str | None = None
    token: str | None = None
    captcha: str | None = None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"SignUpRequest({self.login_name!r})"


class SignInRequest(msgspec.Struct, rename="camel"):
    """An address or a login, and a password."""

    email: str
    password: str

    def __repr__(self) -> str:
        """Show no secret."""
        return "SignInRequest()"


class SignedInResponse(msgspec.Struct, rename="camel"):
    """What the client signs its further calls with."""

    pulumi_access_token: str

    def __repr__(self) -> str:
        """Show no secret."""
        return "SignedInResponse()"


class NewOrganizationRequest(msgspec.Struct, rename="camel"):
    """An organization to make. What else clients send is about plans and providers, of which there are none here."""

    org_name: str


class GetPendingEmailVerificationResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetPendingEmailVerificationResponse."""

    email: str
