"""What we know about a person and what content follows from it."""
