"""The names that content may use, each with a word of help for the editor."""

CUSTOMER = {
    "customer.first_name": "first name, if known",
    "customer.last_name": "last name, if known",
    "customer.city": "city, if known",
    "customer.language": "language without its region, as in de, if known",
}
TRAITS = {
    "traits.recency_days": "days since the last order",
    "traits.order_count": "orders in the last year",
    "traits.total_spent": "money spent in the last year",
    "traits.average_order_value": "average order in the last year",
    "traits.favourite_category": "category most money went to",
    "traits.category_affinities": "favourite categories, the first one most",
    "traits.brand_affinities": "favourite brands, the first one most",
    "traits.historic_value": "money spent in all",
    "traits.predicted_value_12m": "money expected within a year",
    "traits.churn_probability": "chance of no order within a year, from 0 to 1",
    "traits.next_order_date": "day by which the next order is expected",
    "traits.rfm": "how recent, how often, how much, as in 543",
    "traits.rfm_recency": "how recent, from 1 to 5",
    "traits.rfm_frequency": "how often, from 1 to 5",
    "traits.rfm_monetary": "how much, from 1 to 5",
    "traits.engagement": "engagement, from 0 to 100",
    "traits.days_since_last_view": "days since a product was viewed",
    "traits.days_since_last_open": "days since a mail was opened",
    "traits.preferred_hour": "hour of most activity, local time",
}
RECOMMENDATIONS = {
    "recommendations[].name": "product name",
    "recommendations[].url": "product page",
    "recommendations[].image_url": "picture, may be empty",
    "recommendations[].price": "price, as in 3.99",
    "recommendations[].currency": "currency, as in USD",
    "recommendations[].category": "category",
    "recommendations[].reason": "why it is shown, as in “because you bought Apples”",
}
OFFER = {
    "offer.name": "name of the offer that the rule gives; all of these are empty without one",
    "offer.code": "code of the offer, a code of its own for each mail where there is a pool",
    "offer.value": "what it is worth, as in 10 % or 5.00 EUR",
    "offer.valid_from": "first day, as in 2027-01-15, may be empty",
    "offer.valid_until": "last day, as in 2027-01-31, may be empty",
    "offer.slug": "short name of the offer",
}
# What a content block sees, beside the traits that marketers define (`own`).
BLOCK_VARIABLES = {**CUSTOMER, **TRAITS, **RECOMMENDATIONS, **OFFER}
