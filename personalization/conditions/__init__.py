"""The condition language: one tree, evaluated in SQL and in Python."""
