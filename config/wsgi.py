"""The web process (WSGI)."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import figures

# Tasks that a page enqueues go to this application's broker.
from config.celery import app as celery_app
from config.celery import rest_the_collector
from config.doors import ForPrograms, apart

# Before anything counts.
figures.share()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
celery_app.set_default()
application = apart(pages=get_wsgi_application(), programs=ForPrograms())
# All pages are read now, not in the first request.
_ = get_resolver().url_patterns
# A batch makes many objects and no circles: looking for some took 30 % of its time.
rest_the_collector()
