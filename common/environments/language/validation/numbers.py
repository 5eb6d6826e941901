"""Bounds of numbers. They are compared as exact decimals; an exponent beyond every bound is not written out."""

from decimal import Context, Decimal, InvalidOperation

from common.environments.language.schemas.schema import Schema
from common.environments.language.syntax.number import Number

# Upstream computes multiples with 64 bits of precision.
_DIGITS = 40
_CONTEXT = Context(prec=_DIGITS)


def number_failures(number: Number, accept: Schema) -> list[str]:
    """Return what is wrong with a number; nothing if it fits."""
    value = _CONTEXT.create_decimal(number)
    failures = []
    if accept.multiple_of is not None and not _is_multiple(value, _CONTEXT.create_decimal(accept.multiple_of)):
        failures.append(f"expected a multiple of {accept.multiple_of}")
    if accept.minimum is not None and value < Decimal(accept.minimum):
        failures.append(f"expected a number greater than or equal to {accept.minimum}")
    if accept.exclusive_minimum is not None and value <= Decimal(accept.exclusive_minimum):
        failures.append(f"expected a number greater than {accept.exclusive_minimum}")
    if accept.maximum is not None and value > Decimal(accept.maximum):
        # The missing space is upstream's; clients show the text as it is.
        failures.append(f"expected a number less than or equal to{accept.maximum}")
    if accept.exclusive_maximum is not None and value >= Decimal(accept.exclusive_maximum):
        failures.append(f"expected a number less than {accept.exclusive_maximum}")
    return failures


def _is_multiple(value: Decimal, factor: Decimal) -> bool:
    try:
        quotient = _CONTEXT.divide(value, factor)
    except (InvalidOperation, ZeroDivisionError):
        return False
    return quotient == quotient.to_integral_value() if quotient.is_finite() else False
