"""Five roles, each exactly what it may do, also after somebody gave it more."""

import pytest
from django.contrib.auth.models import Group, Permission, User

from consent.roles import CODES, ROLES, sync_roles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def member(role: str) -> User:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def test_there_are_five_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {
        "marketer", "analyst", "approver", "compliance", "admin",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("permission", "holders"),
    [
        ("consent.view_personal_data", {"compliance", "admin"}),
        ("consent.handle_privacy", {"compliance", "admin"}),
        ("consent.approve_versions", {"approver", "admin"}),
        ("consent.launch_campaigns", {"marketer", "approver", "admin"}),
        ("consent.view_kpi", {"marketer", "analyst", "approver", "compliance", "admin"}),
        ("consent.view_auditentry", {"compliance", "admin"}),
        ("consent.view_consentrecord", {"compliance", "admin"}),
        ("consent.change_suppression", {"compliance", "admin"}),
        ("campaigns.change_campaign", {"marketer", "approver", "admin"}),
        ("personalization.add_segment", {"marketer", "admin"}),
        ("personalization.view_customerprofile", set(ROLES)),
        ("auth.add_user", {"admin"}),
    ],
)
def test_who_may_do_what(permission: str, holders: set[str]) -> None:
    assert {role for role in ROLES if member(role).has_perm(permission)} == holders


def test_every_name_in_the_table_is_a_permission_that_exists() -> None:
    known = set(Permission.objects.values_list("codename", flat=True))
    wanted = {
        f"{verb}_{model}"
        for rows in ROLES.values()
        for verbs, models in rows
        for model in models
        for verb in verbs
    } | {code for codes in CODES.values() for code in codes}

    assert wanted - known == set()


def test_running_it_again_takes_back_what_was_added_by_hand() -> None:
    group = Group.objects.get(name="analyst")
    before = set(group.permissions.values_list("pk", flat=True))
    group.permissions.add(Permission.objects.get(codename="view_personal_data"))

    sync_roles()

    assert set(group.permissions.values_list("pk", flat=True)) == before
    assert Group.objects.count() == 5
