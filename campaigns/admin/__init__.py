"""The admin of campaigns, one file a concept; importing them registers them."""

from campaigns.admin import campaign, experiment, send, sender, template, tracking

__all__ = ["campaign", "experiment", "send", "sender", "template", "tracking"]
