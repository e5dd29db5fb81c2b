"""Who is in a segment, and since when."""
