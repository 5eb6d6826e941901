"""How much one evaluation may do. Every limit is counted in steps or bytes, never in seconds, so the outcome is repeatable."""

import msgspec

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """The limits of one evaluation."""

    # Bytes of one document.
    document_bytes: int = MIB
    # Levels of lists and mappings in a document, and of a value.
    nesting: int = 100
    # Expressions that wait for each other's values, imports included.
    references: int = 128
    # Environments loaded by one evaluation.
    imports: int = 256
    # Values made, copied or visited. A thousand references to an object of hundreds of members stay below it.
    values: int = 250_000
    # Bytes of text that built-ins and interpolations make.
    text_bytes: int = 16 * MIB
    # Misspelled names for which the nearest name is looked for, which takes long.
    suggestions: int = 50
    # Diagnostics of one answer.
    diagnostics: int = 1000
    # Bytes of the result, roughly as JSON.
    result_bytes: int = 64 * MIB


class LimitExceeded(Exception):
    """The evaluation stopped at a limit. The message is shown as a diagnostic."""


class Budget:
    """Counts what an evaluation, with all its imports, has used."""

    __slots__ = ("depth", "limits", "suggestions_left", "text_left", "values_left")

    def __init__(self, limits: Limits) -> None:
        """Start with everything left."""
        self.limits = limits
        self.values_left = limits.values
        self.text_left = limits.text_bytes
        self.suggestions_left = limits.suggestions
        self.depth = 0

    def spend_values(self, count: int) -> None:
        """Count values; raises LimitExceeded when too many were made."""
        self.values_left -= count
        if self.values_left < 0:
            raise LimitExceeded("the environment is too large to evaluate")

    def spend_text(self, length: int) -> None:
        """Count bytes of text, before the text is made; raises LimitExceeded when it would be too much."""
        self.text_left -= length
        if self.text_left < 0:
            raise LimitExceeded(f"the environment's values make more than {self.limits.text_bytes} bytes of text")
