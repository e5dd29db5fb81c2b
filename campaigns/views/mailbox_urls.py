"""Addresses below /mailbox/."""

from django.urls import path

from campaigns.views import mailbox

app_name = "mailbox"
urlpatterns = [
    path("", mailbox.mail_list, name="list"),
    path("<str:name>/", mailbox.mail_detail, name="detail"),
    path("<str:name>/html/", mailbox.mail_html, name="html"),
]
