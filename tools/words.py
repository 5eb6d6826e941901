"""The words that names, docstrings and messages do without, as docs/glossary.md lists them, each with what to write instead."""

import re

# Phrase → what to write.
PHRASES = {
    # "None" is Python's.
    r"is (?-i:none)\b": "say what it is not, or 'no such …'",
    r"\bwhat becomes of\b": "name the result",
    r"\bcomes? to\b": "expires, ends, becomes, is",
    r"\bwhose (?:it|they|an?)\b": "with, that has, of which",
    r"\bstands? before\b": "name who acts",
    r"\bwhoever\b": "a user who, anyone who",
    r"\b(?:some|any|no|every)body\b": "a user, a member, someone, anyone, no one, everyone",
    r"\b(?:him|his|he|she|her|hers)\b": "they, their",
    r"\bis there for\b": "name its purpose",
}
# Participles that were used as nouns, and metaphors: none of them is a word of the field.
CLASS_NAMES = {
    "Asked",
    "Chosen",
    "Dance",
    "Found",
    "Given",
    "Held",
    "Kept",
    "Known",
    "Letter",
    "Listed",
    "Made",
    "Narrowed",
    "Peeked",
    "Sent",
    "Settled",
    "Standing",
    "Stored",
    "Taken",
    "Told",
    "Undecided",
    "Vouched",
    "Waiting",
    "Wanted",
}

_PHRASES = [(re.compile(phrase, re.IGNORECASE), instead) for phrase, instead in PHRASES.items()]


def problem(text: str) -> str | None:
    """Return the first phrase of a text to avoid, with what to write instead, or None."""
    for phrase, instead in _PHRASES:
        if match := phrase.search(text):
            return f"{match[0]!r}: {instead}"
    return None
