"""HTTP doors without a page: the collector, the snippet, webhooks."""
