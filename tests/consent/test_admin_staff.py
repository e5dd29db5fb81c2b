import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def employ(name: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name="marketer"))
    return user


def test_an_account_is_made_changed_and_given_a_role() -> None:
    client = admin()
    role = Group.objects.get(name="analyst")
    words = "a long pass phrase 1"

    client.post(
        "/admin/auth/user/add/",
        {
            "username": "ada",
            "usable_password": "true",
            "password1": words,
            "password2": words,
        },
    )
    ada = User.objects.get(username="ada")
    client.post(
        f"/admin/auth/user/{ada.pk}/change/",
        {
            "username": "ada",
            "is_active": "on",
            "is_staff": "on",
            "groups": [role.pk],
            "date_joined_0": "2026-01-01",
            "date_joined_1": "10:00:00",
        },
    )

    ada.refresh_from_db()
    assert (ada.is_staff, list(ada.groups.all())) == (True, [role])
    assert ada.check_password(words)


def test_the_list_says_who_may_do_everything() -> None:
    client = admin()
    employ("mara")

    shown = client.get("/admin/auth/user/").content.decode()

    assert "Everything" in shown
    assert "By role" in shown


def test_the_list_takes_as_many_queries_for_many_people_as_for_few() -> None:
    client = admin()
    counts = []
    for number in range(6):
        employ(f"person{number}")
        with CaptureQueriesContext(connection) as found:
            client.get("/admin/auth/user/")
        counts.append(len(found))

    assert len(set(counts)) == 1


def test_roles_open_in_the_same_look() -> None:
    role = Group.objects.get(name="marketer")

    response = admin().get(f"/admin/auth/group/{role.pk}/change/")

    assert response.status_code == 200
    assert "unfold/css/styles.css" in response.content.decode()
