"""Who a campaign would reach."""
