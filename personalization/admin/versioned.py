"""One admin for all that has versions: edit the draft, put it live, compare, go back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent.admin.base import PageAdmin, actor
from consent.admin.look import Tone, chip, chips, two_lines
from personalization import drafts
from personalization.admin.editor import EditorForm, T
from personalization.comparison import Difference, compare
from personalization.models import Version
from personalization.versions import (
    ApprovalNeeded,
    Content,
    ContentInvalid,
    NotInReview,
    Publisher,
)

APPROVE = "consent.approve_versions"
TONES: dict[str, Tone] = {"draft": "warn", "review": "info", "live": "good", "retired": "quiet"}


class VersionedAdmin(PageAdmin[T], Generic[T]):
    """A subclass names its publisher, its editor form and how its content reads in words."""

    publisher: ClassVar[Publisher[Any]]
    editor_template: ClassVar[str]
    form: type[EditorForm[T]]

    change_form_template = "attune/versioned/change_form.html"
    fields = ("name", "slug", "description")
    prepopulated_fields = {"slug": ("name",)}
    list_display: Any = ("named", "state")
    search_fields = ("name", "slug", "description")
    actions = None

    class Media:
        css = {"all": ("attune/editors.css",)}

    def tell(self, content: Content) -> Content:
        """Say a content in words, for comparing."""
        return content

    def labels(self, before: Content, after: Content) -> Mapping[str, str]:
        """Return what to call parts of a content, where that is not what they are known by."""
        return {}

    def consequence(self, thing: T, before: Version, after: Version) -> SafeString:
        """Say what it would mean if one version took the place of the other."""
        return SafeString()

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the editor's script has to know."""
        return {}

    # The list

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = self.publisher.versions._default_manager.filter(of=OuterRef("pk"))
        things: QuerySet[T] = super().get_queryset(request)
        return (
            things.select_related("live")
            .defer("live__content")
            .annotate(
                draft_number=Subquery(newest.filter(published_at=None).values("number")[:1]),
                draft_state=Subquery(newest.filter(published_at=None).values("state")[:1]),
            )
        )

    @display(description="Name", ordering="name")
    def named(self, thing: T) -> SafeString:
        return two_lines(thing.name, thing.description or thing.slug)

    @display(description="State")
    def state(self, thing: T) -> SafeString:
        live, draft = getattr(thing, "live", None), getattr(thing, "draft_number", None)
        waits = getattr(thing, "draft_state", None) == Version.State.REVIEW
        open_ = (
            chip(f"In review · v{draft}", tone="info", title="Waits for an approver")
            if waits
            else chip(f"Draft v{draft}", tone="warn", title="Not live yet")
        )
        return chips(
            chip(f"Live · v{live.number}", tone="good") if live else chip("Not live"),
            open_ if draft else SafeString(),
        )

    def has_delete_permission(self, request: HttpRequest, obj: T | None = None) -> bool:
        """Receipts name versions for ever, so nothing that decided is deleted."""
        return False

    # The editor

    def save_model(self, request: HttpRequest, obj: T, form: Any, change: Any) -> None:
        if change:
            # Only what the form changed: the rest of the row goes on while somebody edits.
            names = {field.name for field in self.opts.fields}
            obj.save(update_fields=[name for name in form.changed_data if name in names])
        else:
            super().save_model(request, obj, form, change)
        version = drafts.save(
            self.publisher,
            obj,
            content=form.ready,
            seen=form.cleaned_data["seen"],
            author=actor(request),
            note=form.cleaned_data["note"],
        )
        if "_live" in request.POST:
            self._put_live(request, version)
        elif "_submit" in request.POST:
            self._submit(request, version)
        elif version is not None:
            messages.success(request, f"Saved as draft v{version.number}. Nothing live changed.")

    def _put_live(self, request: HttpRequest, version: Version | None) -> None:
        if not request.user.has_perm(APPROVE):
            raise PermissionDenied
        if version is None:
            messages.info(request, "This is live already; nothing differs from it.")
            return
        try:
            self.publisher.put_live(version, now=timezone.now(), approver=actor(request))
        except (ApprovalNeeded, ContentInvalid) as refused:
            messages.warning(request, f"Not put live: {refused}")
        else:
            messages.success(request, f"Version {version.number} is live now.")

    def _submit(self, request: HttpRequest, version: Version | None) -> None:
        if version is None:
            messages.info(request, "Nothing differs from what is live: there is nothing to review.")
            return
        try:
            self.publisher.submit(version, actor=actor(request))
        except (NotInReview, ApprovalNeeded, ContentInvalid) as refused:
            messages.warning(request, f"Not submitted: {refused}")
        else:
            messages.success(request, f"Version {version.number} waits for an approver now.")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except drafts.DraftMoved as moved:
            messages.error(request, str(moved))
            return HttpResponseRedirect(request.path)

    def response_add(
        self, request: HttpRequest, obj: T, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self._url("change", obj.pk))

    def response_change(self, request: HttpRequest, obj: T) -> HttpResponse:
        return HttpResponseRedirect(self._url("change", obj.pk))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj: T | None = kwargs.get("obj")
        form: EditorForm[T] = context["adminform"].form
        may_edit = self.has_change_permission(request, obj) if obj else True
        context |= {
            "editor": form,
            "editor_template": self.editor_template,
            "editor_config": {
                **self.editor_config(request),
                "readonly": not may_edit,
                "problems": [
                    {"path": each.path, "message": each.message, "line": each.line}
                    for each in form.problems
                ],
            },
            "may_edit": may_edit,
            "may_approve": request.user.has_perm(APPROVE),
            "opened": form.opened,
            "versions": self._history(obj) if obj else [],
            **self._review(request, obj, form.opened.version),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _review(
        self, request: HttpRequest, thing: T | None, version: Version | None
    ) -> dict[str, Any]:
        """Say what waits for whom, and which version a single press goes back to."""
        if thing is None or version is None:
            return {}
        live = getattr(thing, "live", None)
        former = self._former(thing) if live is not None else None
        return {
            "in_review": version.state == Version.State.REVIEW,
            "approve_url": self._url("live", thing.pk, version.number),
            "send_back_url": self._url("send_back", thing.pk, version.number),
            "is_own": settings.ATTUNE_FOUR_EYES and version.author_id == request.user.pk,
            "former": former,
            "former_url": self._url("live", thing.pk, former.number) if former else "",
        }

    def _former(self, thing: T) -> Version | None:
        """Return the version that was live before the one that is."""
        retired = self.publisher.versions._default_manager.filter(
            of=thing, state=Version.State.RETIRED
        )
        found: Version | None = retired.defer("content").order_by("-number").first()
        return found

    def _history(self, thing: T) -> list[dict[str, Any]]:
        versions = drafts.history(self.publisher, thing)
        return [
            {
                "version": version,
                "chip": chip(version.get_state_display(), tone=TONES[version.state]),
                "live_url": self._url("live", thing.pk, version.number),
                "compare_url": f"{self._url('compare', thing.pk)}?after={version.number}",
                "may_return": version.state == Version.State.RETIRED,
            }
            for version in versions
        ]

    # Compare and go back

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        live = "<path:object_id>/versions/<int:number>/live/"
        back = "<path:object_id>/versions/<int:number>/send-back/"
        return [
            path("<path:object_id>/compare/", wrap(self.compare_view), name=self._name("compare")),
            path(live, wrap(require_POST(self.live_view)), name=self._name("live")),
            path(back, wrap(require_POST(self.send_back_view)), name=self._name("send_back")),
            *super().get_urls(),
        ]

    def live_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Approve a version in review, or make an earlier version live again."""
        thing = self._thing(request, object_id)
        if not self.has_change_permission(request, thing):
            raise PermissionDenied
        self._put_live(request, self._version(thing, number))
        return HttpResponseRedirect(self._url("change", thing.pk))

    def send_back_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Send a version in review back to its author, with a comment."""
        thing = self._thing(request, object_id)
        if not request.user.has_perm(APPROVE):
            raise PermissionDenied
        comment = request.POST.get("comment", "").strip()[:500]
        if not comment:
            messages.warning(request, "Not sent back: say what is to be mended.")
            return HttpResponseRedirect(self._url("change", thing.pk))
        version = self._version(thing, number)
        try:
            self.publisher.send_back(version, comment=comment, actor=actor(request))
        except NotInReview as refused:
            messages.warning(request, f"Not sent back: {refused}")
        else:
            messages.success(request, f"Version {number} is a draft again, with your comment.")
        return HttpResponseRedirect(self._url("change", thing.pk))

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what changed from one version to another."""
        thing = self._thing(request, object_id)
        versions = drafts.history(self.publisher, thing)
        after = self._chosen(request, "after", default=versions[0].number if versions else 0)
        before = self._chosen(request, "before", default=_before(versions, after))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Compare versions of {thing}",
            "object": thing,
            "thing": thing,
            "versions": versions,
            "before": before,
            "after": after,
            **self._compared(thing, before, after),
            "back_url": self._url("change", thing.pk),
            "media": self.media,
        }
        return TemplateResponse(request, "attune/versioned/compare.html", context)

    def _compared(self, thing: T, before: int, after: int) -> dict[str, Any]:
        chosen = [self._version(thing, number) if number else None for number in (before, after)]
        one, other = ({} if each is None else each.content for each in chosen)
        labels = self.labels(one, other)
        differences = compare(*(self.tell(each) if each else {} for each in (one, other)))
        told: dict[str, Any] = {"differences": [_called(each, labels) for each in differences]}
        if chosen[0] and chosen[1] and differences:
            told["consequence"] = self.consequence(thing, chosen[0], chosen[1])
        return told

    def _chosen(self, request: HttpRequest, name: str, *, default: int) -> int:
        value = request.GET.get(name, "")
        return int(value) if value.isdecimal() and len(value) < 9 else default

    def _thing(self, request: HttpRequest, object_id: str) -> T:
        thing = self.get_object(request, object_id)
        if thing is None:
            raise Http404(f"there is no {self.opts.verbose_name} {object_id}")
        if not self.has_view_permission(request, thing):
            raise PermissionDenied
        return thing

    def _version(self, thing: T, number: int) -> Version:
        version: Version | None = drafts.version(self.publisher, thing, number=number)
        if version is None:
            raise Http404(f"there is no version {number} of {thing}")
        return version

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _url(self, what: str, *args: Any) -> str:
        return reverse(f"admin:{self._name(what)}", args=args)


def _called(each: Difference, labels: Mapping[str, str]) -> Difference:
    what, rest = each.label.partition(" › ")[0], each.label.partition(" › ")[1:]
    return replace(each, label="".join((labels.get(what, what), *rest)))


def _before(versions: list[Any], after: int) -> int:
    """Compare a draft with what is live, and a former version with the one before it."""
    live = next((each.number for each in versions if each.state == Version.State.LIVE), 0)
    newest = versions[0].number if versions else 0
    if after == newest and live and live != after:
        return live
    return max((each.number for each in versions if each.number < after), default=0)
