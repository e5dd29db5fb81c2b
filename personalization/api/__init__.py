"""The JSON API of personalization: what other programs put and ask."""
