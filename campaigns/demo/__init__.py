"""The main job of make demo: public retail data, a campaign, sent."""
