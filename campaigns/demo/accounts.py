"""One staff account for each role, with a generated password that only this machine keeps."""

import json
import secrets
from pathlib import Path

from django.contrib.auth.models import Group, User

from consent.roles import ROLES, sync_roles


def ensure(file: Path) -> dict[str, str]:
    """Make the accounts once; return user name and password of each, the same in every run."""
    sync_roles()
    passwords: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    for role in ROLES:
        user, _ = User.objects.get_or_create(username=role)
        if role not in passwords or not user.has_usable_password():
            passwords[role] = secrets.token_urlsafe(9)
        if not user.check_password(passwords[role]):
            user.set_password(passwords[role])
        user.is_staff, user.is_superuser = True, role == "admin"
        user.save()
        user.groups.set(Group.objects.filter(name=role))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(passwords, indent=1))
    return passwords
