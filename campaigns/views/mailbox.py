"""Pages of the local mailbox; they exist only where the mailbox is switched on."""

import re
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from campaigns.delivery.mailbox_reading import Mail, read_mail, read_page

PAGE_SIZE = 50
TABS = ("html", "text", "headers", "source")
WIDTHS = ("desktop", "phone")
# A mail is foreign matter: it may show pictures and styles and open links, nothing else, also
# when its frame's address is opened on its own.
MAIL_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
HEAD_OPENING = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)


def _mailbox_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 404 where the mailbox is off, and otherwise show it to staff only."""
    for_staff = staff_member_required(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if not settings.ATTUNE_MAILBOX_ENABLED:
            raise Http404
        return for_staff(request, *args, **kwargs)

    return never_cache(require_safe(guarded))


@_mailbox_page
def mail_list(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "")
    page = read_page(
        settings.ATTUNE_MAILBOX, number=_page_number(request), size=PAGE_SIZE, search=search
    )
    return render(request, "campaigns/mailbox/list.html", {"page": page, "search": search})


@_mailbox_page
def mail_detail(request: HttpRequest, name: str) -> HttpResponse:
    mail = _mail_or_404(name)
    context = {
        "mail": mail,
        "tab": _choice(request, "tab", choices=TABS),
        "tabs": TABS,
        "width": _choice(request, "width", choices=WIDTHS),
        "widths": WIDTHS,
    }
    return render(request, "campaigns/mailbox/detail.html", context)


@_mailbox_page
@xframe_options_sameorigin
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """Serve the mail's HTML for the sandboxed frame."""
    mail = _mail_or_404(name)
    headers = {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
    return HttpResponse(_opening_links_outside(mail.html), headers=headers)


def _mail_or_404(name: str) -> Mail:
    mail = read_mail(settings.ATTUNE_MAILBOX, name)
    if mail is None:
        raise Http404("There is no such mail in the local mailbox.")
    return mail


def _page_number(request: HttpRequest) -> int:
    number = request.GET.get("page", "1")
    return max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 8 else 1


def _choice(request: HttpRequest, name: str, *, choices: tuple[str, ...]) -> str:
    value = request.GET.get(name, "")
    return value if value in choices else choices[0]


def _opening_links_outside(html: str) -> str:
    # Inside the frame a link's target would be sandboxed as well and not work.
    base = '<base target="_blank">'
    if match := HEAD_OPENING.search(html):
        return html[: match.end()] + base + html[match.end() :]
    return base + html
