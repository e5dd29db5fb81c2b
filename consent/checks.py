"""System checks: every model tied to a person is claimed by a privacy module, keys are usable."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register
from django.db.models import Field, ForeignObjectRel, Model

from consent import identity
from consent.models import DataSubject
from consent.privacy.registry import is_claimed

OURS = ("consent", "personalization", "campaigns")
# Columns that name a person without a foreign key, as in the partitioned event tables.
BARE = {"profile_id", "origin_profile_id", "subject_id", "pseudonym"}


@register()
def every_personal_model_is_claimed(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report models related to a person, over any chain of keys, that nobody claimed."""
    return [
        Error(
            f"{model._meta.label} is tied to a person, but no privacy module says how it is "
            "exported and erased.",
            hint=f"Add claim({model.__name__}, …) to {model._meta.app_label}/privacy.",
            obj=model,
            id="consent.E001",
        )
        for model in personal_models()
        if not is_claimed(model)
    ]


@register()
def every_key_is_usable(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report keys that cannot seal: better no start than personal data that cannot be kept."""
    return [Error(problem, id="consent.E002") for problem in identity.key_problems()]


def personal_models() -> list[type[Model]]:
    """Return our models that lead to a person: directly, by a bare id, or through another one."""
    ours = [model for label in OURS for model in apps.get_app_config(label).get_models()]
    found: set[type[Model]] = {DataSubject}
    grown = True
    while grown:
        new = {m for m in ours if m not in found and any(_leads(f, found) for f in _fields(m))}
        found |= new
        grown = bool(new)
    return [model for model in ours if model in found]


def _fields(model: type[Model]) -> list[Any]:
    return [f for f in model._meta.get_fields() if not isinstance(f, ForeignObjectRel)]


def _leads(field: "Field[Any, Any]", found: set[type[Model]]) -> bool:
    if field.is_relation:
        # A many-to-many such as a campaign's segments does not make the row a person's.
        return not field.many_to_many and field.related_model in found
    return field.name in BARE
