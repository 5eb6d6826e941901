"""The language of environments: text to nodes, expressions, values, and what an evaluation returns.

`evaluate.py` has the functions that callers use. Nothing in here does I/O: `interfaces.py` names what the caller provides.
Problems of a document are diagnostics with positions, never exceptions. Names follow upstream's evaluator (pulumi/esc).
"""
