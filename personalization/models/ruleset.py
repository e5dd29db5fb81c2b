"""Decision tables: which block or offer a person sees, and why."""

from django.db import models

from personalization.models.version import Version, Versioned


class RuleSet(Versioned):
    live = models.ForeignKey(
        "RuleSetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta(Versioned.Meta):
        verbose_name = "ruleset"


class RuleSetVersion(Version):
    """`content`: `{"hit_policy", "rules": [{key, name, condition, outcome …}], "fallback"}`."""

    of = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="personalization_ruleset_version")
        ]
