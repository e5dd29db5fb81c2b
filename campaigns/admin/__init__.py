"""The admin of campaigns, one file a concept; importing them registers them."""

from campaigns.admin import campaign, experiment, receipt, send, sender, template, tracking

__all__ = ["campaign", "experiment", "receipt", "send", "sender", "template", "tracking"]
