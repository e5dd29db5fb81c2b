"""What the tests of the admin share: clients logged in as a role, counted requests."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.celery import app
from tests.campaigns import factories as make

# As in the web process: what a page enqueues belongs to this application.
app.set_default()


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(make.staff(role))
    return client


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, f"{address}: {response.status_code}"
    return response.content.decode()


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as found:
        page(client, address)
    return len(found)
