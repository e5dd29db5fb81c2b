"""The form behind every editor: a thing's name, and the content of its next version."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from consent.admin.base import ModelForm
from personalization import drafts
from personalization.models import Version, Versioned
from personalization.versions import Content, ContentInvalid, Problem, Publisher

T = TypeVar("T", bound=Versioned)


class EditorForm(ModelForm[T], Generic[T]):
    """Reads a content, checks it as publishing would, and saves nothing of its own.

    A subclass names its publisher, the content a new thing starts with, and how content and
    form fields turn into each other.
    """

    publisher: ClassVar[Publisher[Any]]
    blank: ClassVar[Content] = {}

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    note = forms.CharField(max_length=200, required=False, label="What changed")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: Sequence[Problem] = ()
        self.ready: Content | None = None
        self.opened: drafts.Open[Version] = drafts.Open(version=None, is_draft=False)
        if self.instance.pk:
            self.opened = drafts.opened(self.publisher, self.instance)
        self.initial["seen"] = self.opened.mark
        if self.opened.version is not None and self.opened.is_draft:
            self.initial["note"] = self.opened.version.note
        self.initial.update(self.fields_of(self.opened.content or self.blank))

    def fields_of(self, content: Content) -> dict[str, object]:
        """Turn a content into initial values of the form."""
        return {"content": content}

    def content_of(self, cleaned: dict[str, Any]) -> Content:
        """Turn what was typed into a content."""
        content: Content = cleaned["content"]
        return content

    def field_of(self, problem: Problem) -> str:
        """Name the form field a problem is shown at."""
        return "content"

    def more_problems(self, content: Content, cleaned: dict[str, Any]) -> Sequence[Problem]:
        """Return what only this thing can get wrong, as a segment that contains itself."""
        return ()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self.ready = self._checked(self.content_of(cleaned), cleaned)
        if self.ready is not None:
            self._refuse_overwriting(self.ready, seen=str(cleaned.get("seen")))
        return cleaned

    def _refuse_overwriting(self, ready: Content, *, seen: str) -> None:
        now_open = self.opened.mark
        if now_open not in (seen, drafts.mark(ready)):
            self.add_error(None, drafts.MOVED)

    def _checked(self, content: Content, cleaned: dict[str, Any]) -> Content | None:
        try:
            ready = self.publisher.prepare(content)
            problems = self.more_problems(ready, cleaned)
        except ContentInvalid as invalid:
            ready, problems = content, invalid.problems
        self.problems = problems
        for problem in problems:
            self.add_error(self.field_of(problem), self.told(problem))
        return None if problems else ready

    def told(self, problem: Problem) -> str:
        return str(problem)


class StrictJSONField(forms.JSONField):
    """Takes only what the database can hold, and refuses what no parser gets to the end of."""

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
            written = _written(found)
        except (ValueError, RecursionError) as error:
            raise self._refused("it nests too deep, or holds what is no number or text") from error
        if rb"\u0000" in written:
            raise self._refused("it holds a character that no data can hold (NUL)")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is shown again: the text itself where it is not worth reading."""
        try:
            found = super().bound_data(data, initial)
            _written(found)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)
        return found

    def _refused(self, why: str) -> ValidationError:
        return ValidationError(f"This JSON cannot be read: {why}.", code="invalid")


def _written(found: object) -> bytes:
    return json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


class JsonEditorForm(EditorForm[T], Generic[T]):
    """An editor whose whole content is one JSON value, drawn by a script where there is one."""

    kind: ClassVar[str]
    content = StrictJSONField(
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "class": "at-json"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["content"].widget.attrs["data-at-editor"] = self.kind

    def clean_content(self) -> Content:
        content = self.cleaned_data["content"]
        if not isinstance(content, dict):
            raise ValidationError("Write a JSON object: { … }.", code="invalid")
        return content
