"""The Celery application: `celery -A config.celery worker`."""

import gc
import os

from celery import Celery, Task
from celery.signals import task_failure, task_prerun, worker_process_init
from django.db import close_old_connections, connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def rest_the_collector(**kwargs: object) -> None:
    """Let the garbage collector pass over the code: looking at all of it cost 12 % of a chunk."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@task_prerun.connect
def look_at_the_connection(sender: "Task[..., object]", **kwargs: object) -> None:
    """Keep a connection only while it is young and answers, as a web process does."""
    if not sender.request.is_eager:
        close_old_connections()


@task_failure.connect
def leave_the_connection(sender: "Task[..., object]", **kwargs: object) -> None:
    """Give no task a connection on which another one was stopped at any point."""
    if not sender.request.is_eager:
        connections.close_all()
