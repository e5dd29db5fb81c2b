"""Tell mail scanners and image proxies from people, so that they do not count as interest."""

from datetime import datetime, timedelta

# A scanner follows links while the mail is still being delivered; nobody reads that fast.
TOO_FAST = timedelta(seconds=2)
MARKS = (
    "bot",
    "spider",
    "crawler",
    "barracuda",
    "proofpoint",
    "mimecast",
    "safelinks",
    "urldefense",
    "googleimageproxy",
    "yahoomailproxy",
    "curl/",
    "python-",
    "wget",
)
# Apple's mail privacy protection loads every picture with this and nothing more.
PRIVACY_PROXY = "mozilla/5.0"


def is_machine(*, user_agent: str, method: str, sent_at: datetime | None, at: datetime) -> bool:
    """Judge one request by what it says of itself and by how soon it came."""
    agent = user_agent.strip().lower()
    if method == "HEAD" or not agent or agent == PRIVACY_PROXY:
        return True
    if any(mark in agent for mark in MARKS):
        return True
    return sent_at is not None and at - sent_at < TOO_FAST
