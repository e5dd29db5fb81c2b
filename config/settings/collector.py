"""The collector: when it asks clients to wait, and who stands between them and us."""

from config.env import env

# Over so many waiting events the collector answers 429 until workers have caught up.
ATTUNE_INBOX_LIMIT: int = env.int("ATTUNE_INBOX_LIMIT", default=500_000)
# How many proxies of ours append to X-Forwarded-For; 0 means nobody does and it is not read.
ATTUNE_PROXIES: int = env.int("ATTUNE_PROXIES", default=0)
