"""Derived attributes: how recent, how often, how much, how likely, and where each comes from."""
