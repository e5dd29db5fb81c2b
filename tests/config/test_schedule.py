"""What happens by the clock: every task exists, and models are trained each night."""

import pytest
from celery.schedules import crontab
from django.conf import settings

from config.celery import app


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_every_task_of_the_schedule_exists(name: str) -> None:
    app.loader.import_default_modules()

    assert settings.CELERY_BEAT_SCHEDULE[name]["task"] in app.tasks


def test_recommendations_are_trained_each_night() -> None:
    schedules = [
        entry["schedule"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"] == "personalization.tasks.train_recommendations"
    ]

    assert schedules == [crontab(hour=2, minute=40)]
