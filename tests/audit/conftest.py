"""AWS's stand-in, for logs that are kept in DynamoDB too."""

from tests.aws.fixtures import moto, moto_process

__all__ = ["moto", "moto_process"]
