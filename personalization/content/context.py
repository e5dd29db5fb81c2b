"""What templates see of one person: a greeting, derived traits, recommended products, an offer."""

from collections.abc import Mapping, Sequence

from personalization.content import languages
from personalization.content.liquid_runtime import PlainData, plain

GREETING = ("first_name", "last_name")
# Of a recommended product: why this person sees it.
REASON = "reason"
_TRAITS = "traits."
_TRAITS_LENGTH = len(_TRAITS)


def template_context(
    *,
    values: Mapping[str, object],
    personal: Mapping[str, str],
    recommendations: Sequence[Mapping[str, object]],
    extras: Mapping[str, object],
) -> PlainData:
    """Put it together; the same arguments give the same data, as a replay needs."""
    return plain(
        {
            "customer": {
                **{name: personal.get(name, "") for name in GREETING},
                "city": values.get("attributes.city", ""),
                "language": languages.spoken(values).partition("-")[0],
            },
            "traits": {
                path[_TRAITS_LENGTH:]: value
                for path, value in values.items()
                if path[:_TRAITS_LENGTH] == _TRAITS
            },
            "recommendations": list(recommendations),
            **extras,
        }
    )
