"""URLs of mail links."""

from django.urls import path

from campaigns.views import tracking

urlpatterns = [
    path("o/<str:token>.gif", tracking.open_pixel, name="open"),
    path("c/<str:token>", tracking.click, name="click"),
    path("u/<str:token>", tracking.unsubscribe, name="unsubscribe"),
]
