"""The names that content may use, each with a word of help for the editor."""

CUSTOMER = {
    "customer.first_name": "first name, if known",
    "customer.last_name": "last name, if known",
    "customer.city": "city, if known",
}
TRAITS = {
    "traits.recency_days": "days since the last order",
    "traits.order_count": "orders in the last year",
    "traits.total_spent": "money spent in the last year",
    "traits.average_order_value": "average order in the last year",
    "traits.favourite_category": "category most money went to",
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
# What a content block sees.
BLOCK_VARIABLES = {**CUSTOMER, **TRAITS, **RECOMMENDATIONS}
