"""A key in AWS KMS that an organization manages itself, as data keys and the organization's settings name it. No I/O."""

import msgspec


class CustomerKey(msgspec.Struct, frozen=True, array_like=True):
    """A key by its ARN, and the role that the server assumes to use it, with the organization's id as the external id."""

    id: str
    org_id: str
    key_arn: str
    role_arn: str

    def __str__(self) -> str:
        """Name the key for an operator."""
        return f"{NAME_PREFIX} {self.key_arn} of organization {self.org_id}"


NAME_PREFIX = "customer-managed key"
