"""Where mail leaves, and the public address that links in mail point to."""

from urllib.parse import quote

from config.env import DEBUG, DEMO, VAR, env

PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ATTUNE_MAILBOX = VAR / "mailbox"
ATTUNE_MAIL_PORT: int = env.int("ATTUNE_MAIL_PORT", default=2525)
EMAIL_URL: str = env.str(
    "EMAIL_URL",
    default=f"catcher://127.0.0.1:{ATTUNE_MAIL_PORT}?mailbox={quote(str(ATTUNE_MAILBOX))}",
)
# Caught mails hold personal data in clear: the pages exist where no real customer does.
ATTUNE_MAILBOX_ENABLED = DEBUG or DEMO
