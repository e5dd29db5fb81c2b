"""Write a mail again from its receipt, and say whether it comes out the same, byte for byte."""

from dataclasses import replace

from campaigns.models import TemplateVersion
from campaigns.rendering import html
from campaigns.sending import framing
from personalization import receipts
from personalization.content.liquid import TemplateProblem
from personalization.models import Receipt
from personalization.receipts import parts
from personalization.replay import Difference, Outcome, Replayed, Scene, compared, replay


def replay_mail(receipt: Receipt) -> Replayed:
    """Decide again, then render subject, HTML and text by the recorded template and frame."""
    done = replay(receipt)
    if done.scene is None or "template" not in receipt.decision:
        return done
    told = receipt.decision["template"]
    version = TemplateVersion.objects.filter(of=told["template"], number=told["version"]).first()
    if version is None:
        return Replayed(Outcome.GONE, reason="not replayable: its template version is gone")
    try:
        rendered = _rendered(receipt, done.scene, version=version)
    except receipts.PartAltered as error:
        return _differing(done, Difference("frame", recorded="as it was", replayed=str(error)))
    except TemplateProblem as error:
        return _differing(done, Difference("output", recorded="rendered", replayed=str(error)))
    return _differing(done, *compared(done.scene.inputs.output, framing.marks(rendered)))


def _rendered(receipt: Receipt, scene: Scene, *, version: TemplateVersion) -> html.Rendered:
    key, arm = receipt.decision["frame"], receipt.decision["arm"]
    frame = parts.fetch([key])[key]
    if scene.filled.problem is not None:
        raise scene.filled.problem
    context = framing.mail_context(
        scene.context,
        blocks=scene.filled.blocks,
        frame=frame,
        unsubscribe=scene.inputs.extras[framing.UNSUBSCRIBE],
    )
    emails = framing.emails_of(version.content, subjects=frame["subjects"])
    return html.render(emails[arm], context)


def _differing(done: Replayed, *found: Difference) -> Replayed:
    if not found:
        return done
    return replace(done, outcome=Outcome.DIFFERENT, differences=(*done.differences, *found))
