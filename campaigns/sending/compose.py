"""Write one mail: choose the arm, render HTML and text, put in links, headers and the pixel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from campaigns.delivery.base import Envelope
from campaigns.experiments.assign import choose_variant
from campaigns.models import Campaign, Experiment, Send, SenderIdentity, TemplateVersion
from campaigns.rendering import html, links, mime
from campaigns.rendering.headers import HeaderError
from campaigns.sending import framing
from campaigns.sending.handover import Ready
from campaigns.sending.states import Result, State
from campaigns.tracking import urls
from campaigns.tracking.book import LinkBook
from personalization import engine
from personalization.content.liquid import TemplateProblem
from personalization.content.liquid_runtime import plain
from personalization.profiles.loaded import LoadedProfile
from personalization.receipts import Entry, Part

# A longer address is left as it is, untracked: the column ends there.
LONGEST_LINK = 2000


class CampaignIncomplete(Exception):
    """A campaign lacks a part without which nothing can be written; says which."""


# What is wrong with the campaign itself, so that not one of its mails can be written.
CANNOT_BEGIN = (CampaignIncomplete, engine.SlotUnfilled, TemplateProblem, HeaderError)


@dataclass(frozen=True, slots=True)
class Arms:
    seed: str
    weights: Mapping[str, int]
    subjects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kit:
    """All that the mails of one chunk share: read once, compiled once."""

    campaign: Campaign
    template: Mapping[str, object]
    plan: engine.Plan
    # What every mail shows of campaign and sender; receipts name it by its key.
    frame: Part
    emails: Mapping[str, html.CompiledEmail]
    skeleton: mime.Skeleton
    sender: SenderIdentity
    arms: Arms | None
    links: LinkBook
    tagged: Callable[[str], str]
    addresses: urls.Addresses
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
        raise CampaignIncomplete("The campaign has no template that is live, or no sender.")
    arms = _arms(campaign)
    domain = sender.from_email.rpartition("@")[2]
    slots = {slot.name: slot.ruleset for slot in campaign.slots.select_related("ruleset__live")}
    subjects = arms.subjects if arms else {}
    return Kit(
        campaign=campaign,
        template=_template(version),
        plan=engine.prepare(slots, recommendation_count=campaign.recommendation_count, now=now),
        frame=framing.frame(campaign, sender=sender, subjects=subjects),
        emails=framing.emails_of(version.content, subjects=subjects),
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
        tagged=_tagging(campaign),
        addresses=urls.addresses(),
        now=now,
    )


def unfilled_slots(kit: Kit) -> list[str]:
    """Return the slots the template prints and the campaign does not fill: they would be empty."""
    parts = [part for email in kit.emails.values() for part in (email.html, email.text)]
    paths = [path for part in parts for path in part.template.global_variable_segments()]
    shown = {str(path[1]) for path in paths if path[0] == "blocks" and len(path) > 1}
    return sorted(shown - {slot.name for slot in kit.plan.slots})


def write(
    send: Send, *, kit: Kit, profile: LoadedProfile, content: engine.Content
) -> Mail | Result:
    """Render one mail; what fails on this person's data fails this mail only."""
    arm = send.arm if send.arm in kit.emails and send.arm else arm_of(profile, kit=kit)
    key = str(send.message_key)
    unsubscribe = kit.addresses.unsubscribe(send.pk)
    try:
        rendered = render(content, kit=kit, arm=arm, unsubscribe=unsubscribe)
        linked = _with_links(rendered, send=send, kit=kit, profile=profile, unsubscribe=unsubscribe)
        ready = _ready(
            send, linked, kit=kit, profile=profile, arm=arm, key=key, unsubscribe=unsubscribe
        )
    except (TemplateProblem, HeaderError) as problem:
        reason = "not_rendered" if isinstance(problem, TemplateProblem) else "bad_address"
        return Result(send.pk, State.FAILED, reason=reason, detail=str(problem), arm=arm)
    receipt = _receipt(
        key, kit=kit, profile=profile, content=content, arm=arm, rendered=rendered,
        unsubscribe=unsubscribe,
    )  # fmt: skip
    return Mail(ready=ready, receipt=receipt, rendered=linked)


def render(content: engine.Content, *, kit: Kit, arm: str, unsubscribe: str) -> html.Rendered:
    """Fill in the template, links as they were written; raises TemplateProblem."""
    if content.problem is not None:
        raise content.problem
    context = framing.mail_context(
        plain(content.context),
        blocks=content.blocks,
        frame=kit.frame.content,
        unsubscribe=unsubscribe,
    )
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
    key: str,
    unsubscribe: str,
) -> Ready:
    envelope = Envelope(
        message_key=key,
        subject_id=send.subject_id,
        permission=profile.permission,
        sender=kit.sender.from_email,
        recipient=profile.email,
        content=kit.skeleton.build(
            message_key=key,
            to_email=profile.email,
            to_name=_full_name(profile),
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            unsubscribe_url=unsubscribe,
        ),
        has_whole_lines=True,
    )
    return Ready(send=send, envelope=envelope, arm=arm)


def _receipt(
    key: str,
    *,
    kit: Kit,
    profile: LoadedProfile,
    content: engine.Content,
    arm: str,
    rendered: html.Rendered,
    unsubscribe: str,
) -> Entry:
    decision = {
        **content.decision,
        "arm": arm,
        "template": kit.template,
        "frame": kit.frame.key,
    }
    return Entry(
        message_key=key,
        profile=profile,
        decision=decision,
        properties=kit.plan.properties,
        parts=(*content.cards, kit.frame),
        reasons=content.reasons,
        output=framing.marks(rendered),
        extras=_extras(content, unsubscribe=unsubscribe),
        cart=content.cart,
    )


def _extras(content: engine.Content, *, unsubscribe: str) -> dict[str, object]:
    extras: dict[str, object] = {framing.UNSUBSCRIBE: unsubscribe}
    return {**extras, "offers": content.offers} if content.offers else extras


def _with_links(
    rendered: html.Rendered, *, send: Send, kit: Kit, profile: LoadedProfile, unsubscribe: str
) -> html.Rendered:
    """Track by person only where the person allowed it: else links count for all together."""
    may_track = profile.permission.may_track
    send_id = send.pk if may_track else 0
    # A link stands in the HTML and in the text: it is signed once.
    tracked: dict[str, str] = {}

    def link_for(url: str) -> str:
        found = tracked.get(url)
        if found is None:
            found = tracked[url] = _tracked(url, send_id=send_id, kit=kit)
        return found

    pixel = kit.addresses.pixel(send.pk) if may_track else None
    keep = frozenset({unsubscribe})
    return html.Rendered(
        subject=rendered.subject,
        html=links.rewrite(rendered.html, link_for, pixel_url=pixel, keep=keep),
        text=links.rewrite_text(rendered.text, link_for, keep=keep),
    )


def _tracked(url: str, *, send_id: int, kit: Kit) -> str:
    target = kit.tagged(url)
    if len(target) > LONGEST_LINK:
        return url
    return kit.addresses.click(send_id, link_id=kit.links.add(target))


def _tagging(campaign: Campaign) -> Callable[[str], str]:
    """Return what adds the campaign's parameters to a link, once for each link of a chunk."""
    tag = partial(
        links.with_utm,
        source=campaign.utm_source,
        medium=campaign.utm_medium,
        campaign=campaign.utm_campaign or campaign.slug,
    )
    return cache(tag)


def _arms(campaign: Campaign) -> Arms | None:
    experiment = Experiment.objects.filter(campaign=campaign).prefetch_related("arms").first()
    arms = list(experiment.arms.all()) if experiment else []
    if experiment is None or not arms:
        return None
    if not any(arm.weight for arm in arms):
        raise CampaignIncomplete("No arm of the experiment has a weight above 0; give one to each.")
    return Arms(
        seed=experiment.seed,
        weights={arm.key: arm.weight for arm in arms},
        subjects={arm.key: arm.subject for arm in arms},
    )


def _template(version: TemplateVersion) -> dict[str, object]:
    return {"template": version.of_id, "version": version.number}


def _full_name(profile: LoadedProfile) -> str:
    names = (profile.personal.get("first_name", ""), profile.personal.get("last_name", ""))
    return " ".join(filter(None, names))
