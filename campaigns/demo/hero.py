"""The hero of the demo's mail: four variants, written in English, German and Spanish.

Of the made-up people 15 in 100 read German, 8 Spanish and 10 French (`people.PLACES`). The
season is there in French, too; the other variants are not, so their French readers get English.
"""

from collections.abc import Mapping
from typing import Any, Final

SHOP: Final = "https://shop.example.com"
_HTML: Final = (
    '<h2 style="margin:0 0 10px;font-size:24px;line-height:1.25;">{title}</h2>\n'
    '<p style="margin:0 0 18px;font-size:16px;line-height:1.6;">{body}</p>\n'
    '<a href="{link}" style="display:inline-block;padding:12px 22px;border-radius:8px;'
    'background:#17643a;color:#ffffff;text-decoration:none;font-weight:600;">{button}</a>'
)


def _texts(link: str, *, name: str, title: str, body: str, button: str) -> dict[str, Any]:
    return {
        "name": name,
        "html": _HTML.format(title=title, body=body, button=button, link=link),
        "text": f"{title}\n{body}\n{button}: {link}",
    }


def _variant(
    key: str, page: str, english: Mapping[str, str], **others: Mapping[str, str]
) -> dict[str, Any]:
    link = f"{SHOP}/{page}"
    return {
        "key": key,
        **_texts(link, **english),
        "languages": [{"language": tag, **_texts(link, **said)} for tag, said in others.items()],
    }


HERO: Final[dict[str, Any]] = {
    "language": "en",
    "variants": [
        _variant(
            "vip",
            "preview",
            {
                "name": "Thank you, best customers",
                "title": "A thank-you for our best customers",
                "body": "With {{ traits.order_count }} orders this year you know our shelves by "
                "heart. Have first pick of the new season, a day before everybody else.",
                "button": "See the preview",
            },
            de={
                "name": "Danke, beste Kunden",
                "title": "Ein Dank an unsere besten Kunden",
                "body": "Mit {{ traits.order_count }} Bestellungen in diesem Jahr kennen Sie "
                "unsere Regale auswendig. Wählen Sie als Erste aus der neuen Saison, einen Tag vor "
                "allen anderen.",
                "button": "Zur Vorschau",
            },
            es={
                "name": "Gracias, mejores clientes",
                "title": "Gracias a nuestros mejores clientes",
                "body": "Con {{ traits.order_count }} pedidos este año, conoce nuestros estantes "
                "de memoria. Elija primero de la nueva temporada, un día antes que los demás.",
                "button": "Ver el adelanto",
            },
        ),
        _variant(
            "win-back",
            "new",
            {
                "name": "We missed you",
                "title": "Your basket has been empty for a while",
                "body": "It has been {{ traits.recency_days }} days. A lot has arrived since then, "
                "and delivery is on us this week.",
                "button": "Come and look",
            },
            de={
                "name": "Sie haben uns gefehlt",
                "title": "Ihr Korb ist schon eine Weile leer",
                "body": "Es ist {{ traits.recency_days }} Tage her. Seitdem ist viel Neues "
                "eingetroffen, und die Lieferung geht diese Woche auf uns.",
                "button": "Jetzt ansehen",
            },
            es={
                "name": "Le hemos echado de menos",
                "title": "Su cesta lleva un tiempo vacía",
                "body": "Han pasado {{ traits.recency_days }} días. Desde entonces ha llegado "
                "mucho, y esta semana el envío corre de nuestra cuenta.",
                "button": "Venga a ver",
            },
        ),
        _variant(
            "browsed",
            "seen",
            {
                "name": "Looked, not bought yet",
                "title": "Still thinking it over?",
                "body": "What you looked at this week is still on the shelf, and we found what "
                "goes with it.",
                "button": "Back to the shelf",
            },
            de={
                "name": "Angesehen, noch nicht gekauft",
                "title": "Überlegen Sie noch?",
                "body": "Was Sie diese Woche angesehen haben, liegt noch im Regal, und wir haben "
                "gefunden, was dazu passt.",
                "button": "Zurück zum Regal",
            },
            es={
                "name": "Visto, aún sin comprar",
                "title": "¿Todavía lo está pensando?",
                "body": "Lo que miró esta semana sigue en el estante, y hemos encontrado lo que "
                "combina con ello.",
                "button": "Volver al estante",
            },
        ),
        _variant(
            "season",
            "season",
            {
                "name": "The season, for everybody",
                "title": "The season is on the table",
                "body": "Fresh things came in this week. Here is what our customers like most "
                "right now.",
                "button": "See what is new",
            },
            de={
                "name": "Die Saison, für alle",
                "title": "Die Saison ist aufgetischt",
                "body": "Diese Woche ist Frisches eingetroffen. Das mögen unsere Kunden gerade am "
                "liebsten.",
                "button": "Neues ansehen",
            },
            es={
                "name": "La temporada, para todos",
                "title": "La temporada está servida",
                "body": "Esta semana han llegado productos frescos. Esto es lo que más gusta "
                "ahora a nuestros clientes.",
                "button": "Ver lo nuevo",
            },
            fr={
                "name": "La saison, pour tous",
                "title": "La saison est servie",
                "body": "Des produits frais sont arrivés cette semaine. Voici ce que nos clients "
                "préfèrent en ce moment.",
                "button": "Voir les nouveautés",
            },
        ),
    ],
    "fallback": "season",
}
