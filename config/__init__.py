"""Wiring of the project: settings, URLs, servers. Nothing imports it."""
