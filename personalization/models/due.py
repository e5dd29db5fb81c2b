"""Which profiles changed since somebody last looked: a row for each kind of work that waits."""

from django.db import models


class ProfileDue(models.Model):
    """Written in the transaction of the change; the worker deletes what it takes."""

    class Work(models.TextChoices):
        TRAITS = "traits", "Traits"
        # Carts, wishlists and orders, after an import.
        COMMERCE = "commerce", "Carts and orders"

    pk = models.CompositePrimaryKey("work", "profile_id")
    work = models.CharField(max_length=10, choices=Work)
    profile_id = models.BigIntegerField()

    class Meta:
        db_table = "personalization_profile_due"

    def __str__(self) -> str:
        return f"{self.work} of customer {self.profile_id}"
