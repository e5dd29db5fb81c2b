"""Deal people into arms, by hash."""
