"""What can be wrong with a schema."""


class InvalidSchema(ValueError):
    """A schema cannot be used; the text says why."""
