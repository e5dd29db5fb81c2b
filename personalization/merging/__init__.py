"""Two profiles that are one person: joined, and parted again."""
