from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from campaigns.delivery import mailbox

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HTML = "<html><head><title>x</title></head><body><script>alert(1)</script><p>Hi</p></body></html>"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.ATTUNE_MAILBOX_ENABLED = True
    settings.ATTUNE_MAILBOX = tmp_path
    return tmp_path


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def keep(folder: Path, *, subject: str = "News", html: str = HTML, number: int = 0) -> str:
    content = (
        "X-Attune-Message-Key: key-1\r\nFrom: Shop <shop@example.com>\r\nTo: a@example.com\r\n"
        f"Subject: {subject}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlain & simple\r\n"
        f"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--x--\r\n"
    )
    return mailbox.store(
        content.encode(), mailbox=folder, at=NOON + timedelta(seconds=number), serial=number
    )


def test_list_shows_the_newest_mail_first(staff: Client, folder: Path) -> None:
    keep(folder, subject="Older")
    keep(folder, subject="Newer", number=1)

    page = staff.get("/mailbox/").content.decode()

    assert 0 < page.index("Newer") < page.index("Older")
    assert "2 mails kept" in page


def test_list_is_paged_and_keeps_the_search(staff: Client, folder: Path) -> None:
    for number in range(51):
        keep(folder, subject=f"A & B {number}", number=number)

    first = staff.get("/mailbox/", {"q": "A & B"}).content.decode()
    second = staff.get("/mailbox/", {"q": "A & B", "page": "2"}).content.decode()

    assert "?page=2&amp;q=A%20%26%20B" in first
    assert "A &amp; B 0</span>" in second


@pytest.mark.parametrize("number", ["0", "-1", "x", "²", "9" * 40, "7"])
def test_page_number_out_of_range_is_no_error(staff: Client, folder: Path, number: str) -> None:
    keep(folder)

    assert staff.get("/mailbox/", {"page": number}).status_code == 200


def test_empty_mailbox_says_how_to_fill_it(staff: Client, folder: Path) -> None:
    page = staff.get("/mailbox/").content.decode()

    assert "python manage.py catcher" in page


def test_mail_is_shown_in_a_frame_that_runs_no_scripts(staff: Client, folder: Path) -> None:
    name = keep(folder)

    page = staff.get(f"/mailbox/{name}/").content.decode()

    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert f'src="/mailbox/{name}/html/"' in page
    assert "alert(1)" not in page
    assert "/admin/campaigns/send/?q=key-1" in page


def test_html_is_served_under_a_policy_that_forbids_scripts(staff: Client, folder: Path) -> None:
    name = keep(folder)

    response = staff.get(f"/mailbox/{name}/html/")

    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src * data:; style-src 'unsafe-inline'")
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_blank"><title>' in response.content.decode()


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("text", "Plain &amp; simple"),
        ("headers", "X-Attune-Message-Key"),
        ("source", "&lt;script&gt;alert(1)"),
        ("nonsense", "<iframe"),
    ],
)
def test_tabs_show_text_headers_and_source(
    staff: Client, folder: Path, tab: str, expected: str
) -> None:
    name = keep(folder)

    page = staff.get(f"/mailbox/{name}/", {"tab": tab}).content.decode()

    assert expected in page


def test_phone_width_narrows_the_frame(staff: Client, folder: Path) -> None:
    name = keep(folder)

    page = staff.get(f"/mailbox/{name}/", {"width": "phone"}).content.decode()

    assert 'class="stage phone"' in page


def test_subject_is_shown_literally(staff: Client, folder: Path) -> None:
    name = keep(folder, subject="<script>alert(2)</script>{{7*7}}")

    for address in ("/mailbox/", f"/mailbox/{name}/"):
        page = staff.get(address).content.decode()
        assert "&lt;script&gt;alert(2)&lt;/script&gt;{{7*7}}" in page


@pytest.mark.parametrize("address", ["/mailbox/", "/mailbox/{}/", "/mailbox/{}/html/"])
def test_strangers_are_sent_to_the_login(
    client: Client, db: None, folder: Path, address: str
) -> None:
    client.force_login(User.objects.create_user("eve"))

    response = client.get(address.format(keep(folder)))

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("address", ["/mailbox/", "/mailbox/{}/", "/mailbox/{}/html/"])
def test_mailbox_does_not_exist_in_production(
    staff: Client, folder: Path, settings: Settings, address: str
) -> None:
    settings.ATTUNE_MAILBOX_ENABLED = False

    assert staff.get(address.format(keep(folder))).status_code == 404


@pytest.mark.parametrize("name", ["nothing.eml", "..%2Fsecret.eml"])
def test_unknown_mail_is_not_found(staff: Client, folder: Path, name: str) -> None:
    assert staff.get(f"/mailbox/{name}/").status_code == 404
