"""The built-in functions, one module each."""
