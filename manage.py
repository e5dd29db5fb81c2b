"""Command line of the project."""

import os
import sys

from django.core.management import execute_from_command_line

# Tasks that a command enqueues go to this application's broker.
from config.celery import app as celery_app
from config.embedded.errors import EmbeddedError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    celery_app.set_default()
    try:
        execute_from_command_line(sys.argv)
    except EmbeddedError as error:
        sys.exit(str(error))
