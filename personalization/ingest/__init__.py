"""Events come in: accepted at once, applied by workers."""
