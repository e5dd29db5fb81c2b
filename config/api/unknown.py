"""Addresses under /api/v1/ that are none: a problem document, as for every error of the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


@extend_schema(exclude=True)
class UnknownAddress(APIView):
    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse every method alike, before anything of the request is read."""
        raise NotFound("There is no such address. /api/v1/docs/ lists those there are.")
