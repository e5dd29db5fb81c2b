"""The story of one send: what was planned, decided and sent, and what came back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Conversion, Send, TrackingEvent
from campaigns.sending import explain
from campaigns.sending.reasons import in_words
from personalization import receipts
from personalization.models import Field, Product, Receipt, SegmentMembership

MOMENTS = {
    TrackingEvent.Kind.DELIVERED: ("mark_email_read", "Delivered"),
    TrackingEvent.Kind.OPENED: ("drafts", "Opened"),
    TrackingEvent.Kind.CLICKED: ("ads_click", "Clicked"),
    TrackingEvent.Kind.BOUNCED: ("undo", "Bounced"),
    TrackingEvent.Kind.COMPLAINED: ("report", "Marked as spam"),
    TrackingEvent.Kind.UNSUBSCRIBED: ("unsubscribe", "Unsubscribed"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    icon: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """One value the decision looked at."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Story:
    send: Send
    reason: str
    arm: str
    segments: list[tuple[str, bool]]
    template: str
    receipt: Receipt | None
    because: explain.Because | None
    moments: list[Moment]


def tell(send: Send) -> Story:
    """Put together all that is kept of one send; its campaign comes along with it."""
    receipt = _receipt(send)
    return Story(
        send=send,
        reason=in_words(send.reason) if send.reason else "",
        arm=_arm(send),
        segments=_segments(send),
        template=_template(send, receipt),
        receipt=receipt,
        because=explain.because(receipt.decision) if receipt else None,
        moments=sorted(_moments(send), key=lambda moment: moment.at),
    )


def inputs(receipt: Receipt) -> list[Input] | None:
    """Return the values that were looked at, under their labels; None once they are gone."""
    opened = receipts.open_inputs(receipt)
    if opened is None:
        return None
    labels = {field.path: field.label for field in Field.objects.all()}
    found = [
        Input(labels.get(path, path), _text(value))
        for path, value in opened.facts["values"].items()
    ]
    if opened.facts["segments"]:
        found.append(Input("In the segments", ", ".join(opened.facts["segments"])))
    found += [
        Input(f"Offer “{offer['name']}”", str(offer["code"] or offer["value"] or "given"))
        for offer in opened.extras.get("offers", {}).values()
    ]
    return [*found, *_history(opened)]


def _receipt(send: Send) -> Receipt | None:
    found = Receipt.objects.filter(message_key=send.message_key)
    return found.select_related("subject").first()


def _history(opened: receipts.Inputs) -> Iterator[Input]:
    kinds = (
        ("Bought last", [pk for pk, _ in opened.bought]),
        ("Viewed last", [pk for pk, _ in opened.viewed]),
        ("In the cart", opened.cart),
    )
    keys = {pk for _, history in kinds for pk in history}
    names = dict(Product.objects.filter(pk__in=keys).values_list("pk", "name"))
    for label, history in kinds:
        products = dict.fromkeys(names[pk] for pk in history if pk in names)
        if products:
            yield Input(label, ", ".join(products))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _arm(send: Send) -> str:
    experiment = getattr(send.campaign, "experiment", None)
    names = {arm.key: str(arm) for arm in experiment.arms.all()} if experiment else {}
    return names.get(send.arm, send.arm)


def _segments(send: Send) -> list[tuple[str, bool]]:
    """Name the campaign's segments, each with whether the person is in it now."""
    memberships = SegmentMembership.objects.filter(profile=send.subject_id)
    now_in = set(memberships.values_list("segment", flat=True))
    return [(segment.name, segment.pk in now_in) for segment in send.campaign.segments.all()]


def _template(send: Send, receipt: Receipt | None) -> str:
    """The version of the receipt, which the campaign pinned at its launch."""
    if receipt is None or send.campaign.template is None:
        return ""
    return f"{send.campaign.template.name}, version {receipt.decision['template']['version']}"


def _moments(send: Send) -> Iterator[Moment]:
    yield Moment(send.created_at, "event", "Planned", f"as part of “{send.campaign}”")
    if send.handed_over_at:
        yield Moment(send.handed_over_at, "upload", "Handed over", "to the mail server")
    if send.sent_at:
        yield Moment(send.sent_at, "outgoing_mail", "Sent", send.detail)
    for event in TrackingEvent.objects.filter(send=send).select_related("link"):
        icon, title = MOMENTS[TrackingEvent.Kind(event.kind)]
        by = "by a scanner or proxy, not counted" if event.is_machine else ""
        yield Moment(event.occurred_at, icon, title, by or (event.link.url if event.link else ""))
    for order in Conversion.objects.filter(send=send):
        amount = "" if order.amount is None else f"for {order.amount}"
        yield Moment(order.occurred_at, "shopping_cart_checkout", "Ordered", amount)
