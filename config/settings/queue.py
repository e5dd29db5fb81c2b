"""Celery: it only wakes workers, the database is the queue of record."""

from urllib.parse import urlsplit

from celery.schedules import crontab

from config.env import env


def broker_url(redis_url: str) -> str:
    """Return the URL of the same server as Celery writes it, for a Unix socket, too."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parts.query.partition("db=")[2].partition("&")[0] or "0"
    return f"redis+socket://{parts.path}?virtual_host={database}"


CELERY_BROKER_URL = broker_url(env.str("REDIS_URL"))
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# A worker keeps its database connection between tasks (`config.celery` says how long): a new one
# has to read what the server knows of tables and partitions again, for each chunk of mails.
CELERY_DB_REUSE_MAX = CELERY_WORKER_MAX_TASKS_PER_CHILD
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 270
# Tasks are short and idempotent, so one that a dead worker held comes back soon.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    "send-due": {"task": "campaigns.tasks.send_due", "schedule": 5.0},
    "reconcile-unknown": {"task": "campaigns.tasks.reconcile_unknown", "schedule": 15.0},
    "attribute-orders": {"task": "campaigns.tasks.attribute_orders", "schedule": 300.0},
    "apply-inbox": {"task": "personalization.tasks.apply_inbox", "schedule": 2.0},
    "work-webhooks": {"task": "personalization.tasks.work_webhooks", "schedule": 10.0},
    "tend-webhooks": {"task": "personalization.tasks.tend_webhooks", "schedule": 86_400.0},
    "tend-imports": {"task": "personalization.tasks.tend_imports", "schedule": 300.0},
    "tend-events": {"task": "personalization.tasks.tend_events", "schedule": 3600.0},
    "compute-traits": {
        "task": "personalization.tasks.compute_traits",
        "schedule": crontab(hour=2, minute=10),
    },
    "compute-due-traits": {"task": "personalization.tasks.compute_due_traits", "schedule": 60.0},
    "train-recommendations": {
        "task": "personalization.tasks.train_recommendations",
        "schedule": crontab(hour=2, minute=40),
    },
    "keep-segments": {"task": "personalization.tasks.keep_segments", "schedule": 2.0},
    "check-segments": {
        "task": "personalization.tasks.check_segments",
        "schedule": crontab(hour=3, minute=20, day_of_week="sun"),
    },
}

# How long a worker may hold sends without a sign of life. Longer than handing over one group of
# 20 mails can take: 21 waits of the mail server's timeout (10 s in EMAIL_URL).
ATTUNE_LEASE_SECONDS = env.int("ATTUNE_LEASE_SECONDS", default=300)
# How many sends a worker takes at once: each is in memory until its chunk is done.
ATTUNE_CHUNK_SIZE = env.int("ATTUNE_CHUNK_SIZE", default=500)

# For how many days Attune remembers who was in a segment that they have left.
ATTUNE_SEGMENT_HISTORY_DAYS = env.int("ATTUNE_SEGMENT_HISTORY_DAYS", default=730)
