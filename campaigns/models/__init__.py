"""Tables of campaigns, one file an aggregate."""

from campaigns.models.campaign import Campaign, CampaignSlot, Link
from campaigns.models.demo import DemoInstallation
from campaigns.models.experiment import Experiment, ExperimentArm
from campaigns.models.send import FrequencyCounter, Send
from campaigns.models.sender import SenderIdentity
from campaigns.models.template import Template, TemplateVersion
from campaigns.models.tracking import Conversion, TrackingEvent

__all__ = [
    "Campaign",
    "CampaignSlot",
    "Conversion",
    "DemoInstallation",
    "Experiment",
    "ExperimentArm",
    "FrequencyCounter",
    "Link",
    "Send",
    "SenderIdentity",
    "Template",
    "TemplateVersion",
    "TrackingEvent",
]
