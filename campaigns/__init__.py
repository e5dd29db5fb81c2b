"""What we send, to whom, when, and how it went."""
