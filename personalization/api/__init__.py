"""The JSON API of personalization."""
