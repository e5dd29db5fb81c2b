"""What one would write first, as the peer: a template over what the ORM finds of one person."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from consent import identity
from consent.models import ConsentState, Identifier
from personalization.models import CustomerProfile, EventItem, Product

PRODUCTS = 4
TEMPLATE = engines["django"].from_string(
    "<h1>{% if profile.attributes.country == 'DE' %}Hallo{% else %}Hello{% endif %}</h1><ul>"
    "{% for product in products %}<li>{{ product.name }}, {{ product.price }}</li>{% endfor %}</ul>"
)


def page(request: HttpRequest, number: str) -> HttpResponse:
    """Show one person the best sellers of the category they last bought from."""
    hash_ = identity.blind_index("external_id", number)
    row = Identifier.objects.filter(kind="external_id", hash=hash_).select_related("subject").get()
    profile = CustomerProfile.objects.get(subject=row.subject)
    states = ConsentState.objects.filter(subject=row.subject, is_granted=True)
    may_profile = "profiling" in states.values_list("purpose_id", flat=True)
    products = Product.objects.filter(is_active=True, in_stock=True, is_sensitive=False)
    if may_profile:
        bought = EventItem.objects.filter(profile_id=profile.pk, name="Order Completed")
        last = bought.order_by("-occurred_at").first()
        category = Product.objects.get(pk=last.product_id).category if last else ""
        products = products.filter(category=category) if category else products
    shown = products.order_by("-price")[:PRODUCTS]
    return HttpResponse(TEMPLATE.render({"profile": profile, "products": shown}))


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.path)


urlpatterns = [path("healthz", healthz), path("<str:number>", page)]
