"""Two profiles that are one person: found out, joined, and parted again."""

from personalization.merging.resolving import resolve

__all__ = ["resolve"]
