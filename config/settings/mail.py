"""Where mail leaves, and the public address that links in mail point to."""

from urllib.parse import quote

from config.env import DEBUG, DEMO, VAR, env

# Code that is copied from the page of a source has to reach the server that showed it.
_HERE = f"http://127.0.0.1:{env.int('PORT', default=8000)}"
PUBLIC_URL: str = env.str("PUBLIC_URL", default=_HERE).rstrip("/")
ATTUNE_MAILBOX = VAR / "mailbox"
ATTUNE_MAIL_PORT: int = env.int("ATTUNE_MAIL_PORT", default=2525)
EMAIL_URL: str = env.str(
    "EMAIL_URL",
    default=f"catcher://127.0.0.1:{ATTUNE_MAIL_PORT}?mailbox={quote(str(ATTUNE_MAILBOX))}",
)
# Caught mails hold personal data in clear: the pages exist where no real customer does.
ATTUNE_MAILBOX_ENABLED = DEBUG or DEMO
