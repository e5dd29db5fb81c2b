"""Permissions that belong to a role and not to one table."""

from django.db import models


class RolePermissions(models.Model):
    """No table: a place for the permissions that no single model owns."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_personal_data", "Can see personal data in clear"),
            ("handle_privacy", "Can export and erase a person's data"),
            ("approve_versions", "Can put versions live"),
            ("launch_campaigns", "Can launch, pause and resume campaigns"),
            ("view_kpi", "Can see results"),
        ]

    def __str__(self) -> str:
        return "role permissions"
