"""Write one mail: choose the arm, render HTML and text, put in links, headers and the pixel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from campaigns.delivery.base import Envelope
from campaigns.experiments.assign import choose_variant
from campaigns.models import Campaign, Experiment, Send, SenderIdentity
from campaigns.rendering import html, links, mime
from campaigns.sending.handover import Ready
from campaigns.sending.states import Result, State
from campaigns.tracking import urls
from campaigns.tracking.book import LinkBook
from personalization import engine
from personalization.content.liquid import TemplateProblem
from personalization.profiles.loaded import LoadedProfile
from personalization.receipts import Entry

# A longer address is left as it is, untracked: the column ends there.
LONGEST_LINK = 2000


class CampaignIncomplete(Exception):
    """A campaign lacks a part without which nothing can be written; says which."""


@dataclass(frozen=True, slots=True)
class Arms:
    seed: str
    weights: Mapping[str, int]
    subjects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kit:
    """All that the mails of one chunk share: read once, compiled once."""

    campaign: Campaign
    plan: engine.Plan
    emails: Mapping[str, html.CompiledEmail]
    skeleton: mime.Skeleton
    sender: SenderIdentity
    arms: Arms | None
    links: LinkBook
    now: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    ready: Ready
    receipt: Entry
    rendered: html.Rendered


def kit(campaign: Campaign, *, now: datetime) -> Kit:
    """Read and compile what a chunk needs."""
    version, sender = campaign.template_version, campaign.sender
    if version is None or sender is None:
        raise CampaignIncomplete(f"campaign “{campaign}” has no live template or no sender")
    arms = _arms(campaign)
    domain = sender.from_email.rpartition("@")[2]
    slots = {slot.name: slot.ruleset for slot in campaign.slots.select_related("ruleset__live")}
    subjects = arms.subjects if arms else {}
    return Kit(
        campaign=campaign,
        plan=engine.prepare(slots, recommendation_count=campaign.recommendation_count, now=now),
        emails={
            key: html.compile_email(
                {**version.content, "subject": subject or version.content["subject"]}
            )
            for key, subject in {**subjects, "": ""}.items()
        },
        skeleton=mime.skeleton(
            from_name=sender.name,
            from_email=sender.from_email,
            reply_to=sender.reply_to,
            message_domain=domain,
            date=now,
            feedback_id=f"{campaign.pk}:attune",
            list_id=f"campaign-{campaign.pk}.{domain}",
        ),
        sender=sender,
        arms=arms,
        links=LinkBook(campaign.pk),
        now=now,
    )


def write(
    send: Send, *, kit: Kit, profile: LoadedProfile, content: engine.Content
) -> Mail | Result:
    """Render one mail; a template that fails on this person's data fails this mail only."""
    arm = send.arm or arm_of(profile, kit=kit)
    unsubscribe = urls.unsubscribe(send.pk)
    try:
        rendered = render(content, kit=kit, arm=arm, unsubscribe=unsubscribe)
    except TemplateProblem as problem:
        return Result(
            send.pk,
            State.FAILED,
            reason="not_rendered",
            detail=str(problem),
            arm=arm,
            is_counted=True,
        )
    linked = _with_links(rendered, send=send, kit=kit, profile=profile, unsubscribe=unsubscribe)
    decision = {**content.decision, "arm": arm, "template": _template(kit)}
    return Mail(
        ready=_ready(send, linked, kit=kit, profile=profile, arm=arm, unsubscribe=unsubscribe),
        receipt=Entry(message_key=str(send.message_key), profile=profile, decision=decision),
        rendered=linked,
    )


def render(content: engine.Content, *, kit: Kit, arm: str, unsubscribe: str) -> html.Rendered:
    """Fill in the template, links as they were written; raises TemplateProblem."""
    context = {
        **content.context,
        "blocks": {
            name: {"html": block.html, "text": block.text} for name, block in content.blocks.items()
        },
        "campaign": {"name": kit.campaign.name},
        "sender": {
            "name": kit.sender.name,
            "postal_address": kit.sender.postal_address,
            "logo_url": kit.sender.logo_url,
        },
        "unsubscribe_url": unsubscribe,
    }
    return html.render(kit.emails[arm], context)


def arm_of(profile: LoadedProfile, *, kit: Kit) -> str:
    """Return the key of the person's arm, or nothing where nothing is tested."""
    if kit.arms is None:
        return ""
    return choose_variant(profile.pseudonym, experiment=kit.arms.seed, weights=kit.arms.weights)


def _ready(
    send: Send,
    rendered: html.Rendered,
    *,
    kit: Kit,
    profile: LoadedProfile,
    arm: str,
    unsubscribe: str,
) -> Ready:
    envelope = Envelope(
        message_key=str(send.message_key),
        subject_id=send.subject_id,
        permission=profile.permission,
        sender=kit.sender.from_email,
        recipient=profile.email,
        content=kit.skeleton.build(
            message_key=str(send.message_key),
            to_email=profile.email,
            to_name=_full_name(profile),
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            unsubscribe_url=unsubscribe,
        ),
    )
    return Ready(
        send_id=send.pk,
        envelope=envelope,
        attempts=send.attempts,
        arm=arm,
        is_counted=kit.campaign.is_capped,
    )


def _with_links(
    rendered: html.Rendered, *, send: Send, kit: Kit, profile: LoadedProfile, unsubscribe: str
) -> html.Rendered:
    """Track by person only where the person allowed it: else links count for all together."""
    may_track = profile.permission.may_track
    link_for = partial(_tracked, send_id=send.pk if may_track else 0, kit=kit)
    pixel = urls.pixel(send.pk) if may_track else None
    keep = frozenset({unsubscribe})
    return html.Rendered(
        subject=rendered.subject,
        html=links.rewrite(rendered.html, link_for, pixel_url=pixel, keep=keep),
        text=links.rewrite_text(rendered.text, link_for, keep=keep),
    )


def _tracked(url: str, *, send_id: int, kit: Kit) -> str:
    campaign = kit.campaign
    target = links.with_utm(
        url,
        source=campaign.utm_source,
        medium=campaign.utm_medium,
        campaign=campaign.utm_campaign or campaign.slug,
        content="",
    )
    if len(target) > LONGEST_LINK:
        return url
    return urls.click(send_id, link_id=kit.links.add(target))


def _arms(campaign: Campaign) -> Arms | None:
    experiment = Experiment.objects.filter(campaign=campaign).prefetch_related("arms").first()
    arms = list(experiment.arms.all()) if experiment else []
    if experiment is None or not arms:
        return None
    return Arms(
        seed=experiment.seed,
        weights={arm.key: arm.weight for arm in arms},
        subjects={arm.key: arm.subject for arm in arms},
    )


def _template(kit: Kit) -> dict[str, object]:
    version = kit.campaign.template_version
    assert version is not None
    return {"template": version.of_id, "version": version.number}


def _full_name(profile: LoadedProfile) -> str:
    names = (profile.personal.get("first_name", ""), profile.personal.get("last_name", ""))
    return " ".join(filter(None, names))
