"""What the demo came to, in figures."""

from dataclasses import dataclass

from django.db import connection

from campaigns.kpi.report import Report, report
from campaigns.models import Campaign, DemoInstallation, Send
from consent.models import Job
from personalization.models import CustomerProfile


@dataclass(frozen=True, slots=True)
class Summary:
    """`seconds` and `per_second` are those of the last sending run."""

    dataset: str
    shift_weeks: int
    customers: int
    with_traits: int
    events: int
    report: Report
    open_count: int
    sent_now: int
    seconds: float
    per_second: int

    @property
    def is_complete(self) -> bool:
        """Everybody is settled, and mails did leave, in this run or an earlier one."""
        return self.open_count == 0 and self.report.total.sent > 0


def summarise(campaign: Campaign) -> Summary:
    """Count what is there now."""
    installation = DemoInstallation.objects.order_by("-loaded_at").first()
    job = Job.objects.filter(kind="send_campaign", state=Job.State.DONE).first()
    result = job.result if job else {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM personalization_event")
        events = cursor.fetchone()[0]
    return Summary(
        dataset=installation.label if installation else "",
        shift_weeks=installation.shift_weeks if installation else 0,
        customers=CustomerProfile.objects.count(),
        with_traits=CustomerProfile.objects.exclude(traits={}).count(),
        events=events,
        report=report(campaign),
        open_count=Send.objects.open().filter(campaign=campaign).count(),
        sent_now=result.get("sent", 0),
        seconds=result.get("seconds", 0.0),
        per_second=result.get("per_second", 0),
    )
