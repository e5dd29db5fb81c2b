"""The Celery application: `celery -A config.celery worker`."""

import gc
import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def rest_the_collector(**kwargs: object) -> None:
    """Let the garbage collector pass over the code: looking at all of it cost 12 % of a chunk."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
