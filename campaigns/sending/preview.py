"""Write the mail one customer would get, and why; nothing is stored and nothing tracked."""

from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.models import Campaign
from campaigns.rendering import html
from campaigns.sending import compose, explain
from campaigns.sending.reasons import in_words
from consent import gate, masking
from consent.permission import Permission
from personalization import engine
from personalization.content.liquid import TemplateProblem
from personalization.offers.desk import PreviewDesk
from personalization.profiles import load
from personalization.profiles.loaded import LoadedProfile

# A token for nobody: its page shows, but unsubscribes no one.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """`problem` says why there is no mail: the person is skipped, or the template failed."""

    arm: str = ""
    arms: tuple[str, ...] = ()
    mail: html.Rendered | None = None
    because: explain.Because | None = None
    problem: str = ""


def write(
    campaign: Campaign, *, subject_id: int, now: datetime, arm: str = "", in_clear: bool = False
) -> Preview:
    """Decide and render as a send would, through the same engine."""
    asked = gate.permissions([subject_id], purpose=campaign.purpose_id, at=now)
    if not asked[subject_id].may_send:
        return Preview(problem=f"Would be skipped. {in_words(asked[subject_id].reason)}.")
    if campaign.template_version is None and campaign.template is not None:
        campaign.template_version = campaign.template.live
    kit = compose.kit(campaign, now=now)
    profile = _load(asked, kit=kit, now=now)
    if profile is None:
        return Preview(problem="Would be skipped. There is no profile of this customer.")
    if not in_clear:
        profile = _masked(profile)
    content = engine.personalize(
        [profile],
        plan=kit.plan,
        permissions=asked,
        now=now,
        desk=PreviewDesk(kit.plan.offers, now=now),
    )[subject_id]
    arms = tuple(kit.arms.weights) if kit.arms else ()
    chosen = arm if arm in arms else compose.arm_of(profile, kit=kit)
    return _rendered(content, kit=kit, arm=chosen, arms=arms)


def _rendered(
    content: engine.Content, *, kit: compose.Kit, arm: str, arms: tuple[str, ...]
) -> Preview:
    try:
        mail = compose.render(
            content, kit=kit, arm=arm, unsubscribe=kit.addresses.unsubscribe(NOBODY)
        )
    except TemplateProblem as problem:
        return Preview(arm=arm, arms=arms, problem=f"The template failed: {problem}")
    return Preview(arm=arm, arms=arms, mail=mail, because=explain.because(content.decision))


def _load(
    permissions: dict[int, Permission], *, kit: compose.Kit, now: datetime
) -> LoadedProfile | None:
    loaded = load.profiles(
        permissions,
        needs=kit.plan.needs,
        catalogue=kit.plan.catalogue,
        now=now,
        with_history=bool(kit.plan.recommendation_count),
    )
    return loaded[0] if loaded else None


def _masked(profile: LoadedProfile) -> LoadedProfile:
    personal = {name: masking.mask(value) for name, value in profile.personal.items()}
    return replace(profile, personal=personal)
