"""Who a mail is from: name, address, reply address, and the postal address the law wants."""

from django.db import models


class SenderIdentity(models.Model):
    name = models.CharField(
        max_length=100, help_text="The name readers see, as in “Attune Market”."
    )
    from_email = models.EmailField()
    reply_to = models.EmailField(blank=True)
    postal_address = models.CharField(
        max_length=300, help_text="Printed in every footer: a street address is a legal duty."
    )
    logo_url = models.URLField(blank=True)
    is_default = models.BooleanField(default=False)

    class Meta:
        verbose_name = "sender identity"
        verbose_name_plural = "sender identities"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="campaigns_sender_one_default",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.from_email}>"
