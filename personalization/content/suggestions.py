"""Name what a marketer probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like this one, or an empty text."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """`unknown filter `upcas`; did you mean `upcase`?`"""
    meant = nearest(name, known)
    return f"unknown {what} `{name}`" + (f"; did you mean `{meant}`?" if meant else "")
