"""Take in what people ask for under the law."""
