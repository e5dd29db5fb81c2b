"""The demo's own templates with one reader's values."""

from pathlib import Path

from markupsafe import Markup

TEMPLATES = Path(__file__).parents[2] / "campaigns" / "demo" / "templates"
UNSUBSCRIBE_URL = "https://mail.example.com/u/abc?x=1&y=2"


def demo_content(*, subject: str = "subject_a") -> dict[str, str]:
    parts = {"subject": f"{subject}.txt", "preheader": "preheader.txt", "mjml": "market.mjml"}
    parts["text"] = "market.txt"
    return {part: (TEMPLATES / name).read_text() for part, name in parts.items()}


def reader(**changes: object) -> dict[str, object]:
    products = [
        {
            "name": name,
            "url": f"https://shop.example.com/p/{number}?a=1&b=2",
            "image_url": "",
            "price": "3.49",
            "currency": "USD",
            "category": "Fruit",
            "reason": "Because you bought Bananas",
        }
        for number, name in enumerate(["Apples", "Soft Cheese", "Rye Bread", "Olive Oil"])
    ]
    hero = '<p>Fruit &amp; more: <a href="https://shop.example.com/fruit">see</a></p>'
    return {
        "customer": {"first_name": "Ana", "last_name": "Lee", "city": "Dayton"},
        "traits": {
            "recency_days": 6,
            "order_count": 23,
            "total_spent": "812.40",
            "favourite_category": "Fruit",
        },
        "blocks": {"hero": {"html": Markup(hero), "text": "Fruit & more"}},
        "recommendations": products,
        "campaign": {"name": "Fruit week"},
        "sender": {"name": "Attune Market", "postal_address": "12 Orchard Lane", "logo_url": ""},
        "unsubscribe_url": UNSUBSCRIBE_URL,
        **changes,
    }


STRANGER: dict[str, object] = {"customer": {}, "traits": {}, "recommendations": []}
