"""Decision tables: which outcome follows for one person at one moment."""
