"""The first call of every process: settings module and the two servers' addresses."""

import os

from config.embedded.errors import EmbeddedError
from config.embedded.layout import var_folder
from config.embedded.session import use

SERVERS = ("DATABASE_URL", "REDIS_URL")
# What a parent process put there; a child that finds just this takes its own share.
INHERITED = "ATTUNE_EMBEDDED_URLS"


def prepare() -> None:
    """Leave given servers alone, else use the embedded ones as long as this process lives."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    given = [os.environ.get(name, "") for name in SERVERS]
    if all(given) and os.environ.get(INHERITED) != " ".join(given):
        os.environ.pop("ATTUNE_EMBEDDED", None)
        return
    if any(given) and not all(given):
        present, missing = SERVERS if given[0] else reversed(SERVERS)
        raise EmbeddedError(
            f"{present} is set but {missing} is not. Set both to use servers of your own, or "
            "neither to use the embedded ones."
        )
    urls = use(var_folder())
    os.environ.update(
        {
            "DATABASE_URL": urls.database,
            "REDIS_URL": urls.redis,
            "ATTUNE_EMBEDDED": "1",
            INHERITED: f"{urls.database} {urls.redis}",
        }
    )
