"""Numbers keep the text they are written with: constants are compared by it, and clients see it."""

import msgspec

# Go writes a float in exponent form outside these decimal exponents (strconv.FormatFloat with format 'g', shortest).
_FIXED_EXPONENTS = range(-4, 6)
_UINT64_LIMIT = 1 << 64
_INT64_LIMIT = 1 << 63


class Number(str):
    """A number's text, as JSON spells it."""

    __slots__ = ()


Scalar = bool | Number | str | None


def encode_number(value: object) -> msgspec.Raw:
    """Return a Number as a JSON number: the `enc_hook` of every encoder of evaluation results."""
    if isinstance(value, Number):
        return msgspec.Raw(value.encode())
    raise NotImplementedError(f"cannot encode {type(value)}")


def is_int(value: int) -> bool:
    """Tell whether an integer fits 64 bits; upstream reads others as floats."""
    return -_INT64_LIMIT <= value < _UINT64_LIMIT


def from_float(value: float) -> Number:
    """Return the shortest text that reads back as this finite float, in Go's form: 3.14, 1, 1e+06, 1e-05."""
    sign, digits, exponent = _shortest(value)
    point = exponent + 1
    if exponent not in _FIXED_EXPONENTS:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return Number(f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02}")
    if point <= 0:
        return Number(f"{sign}0.{'0' * -point}{digits}")
    whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
    return Number(f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}")


def _shortest(value: float) -> tuple[str, str, int]:
    """Return sign, significant digits without trailing zeros, and the exponent of the first digit."""
    mantissa, _, exponent = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading_zeros = len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return sign, "0", 0
    return sign, digits, len(whole) - leading_zeros - 1 + int(exponent or 0)
