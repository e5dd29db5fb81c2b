"""Feeds: lists of products that are the same for everybody, kept by any proxy on the way."""

import orjson
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from personalization.api import caching, decision_schemas, list_examples, list_schemas
from personalization.models import Feed
from personalization.serving import feeds


class Feeds(APIView):
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="feed",
        summary="A list of products that is the same for everybody",
        description="Needs no key. Set up in the admin under *Feeds*. May be kept by proxies for "
        "the feed's own time.",
        tags=["Feeds"],
        responses=decision_schemas.answers(list_schemas.FEED, 304, 404),
        examples=[list_examples.FEED],
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        # The database refuses a NUL in what it looks for.
        feed = Feed.objects.filter(slug=slug.replace("\0", ""), is_active=True).first()
        if feed is None:
            raise NotFound("There is no such feed, or it is switched off: see Feeds in the admin.")
        raw = orjson.dumps(feeds.body(feed, now=timezone.now()))
        return caching.public(raw, request=request, seconds=feed.max_age)
