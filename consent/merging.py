"""Join two subjects into one person, and part them again."""
