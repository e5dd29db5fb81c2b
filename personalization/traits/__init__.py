"""Derived attributes: how recent, how often, how much, how likely, and where each comes from."""

from personalization.traits.computing import compute, compute_due, queue_everybody, start_full

__all__ = ["compute", "compute_due", "queue_everybody", "start_full"]
