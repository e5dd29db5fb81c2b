"""What content may say: Liquid, MJML, blocks, and the check of both before anybody gets it."""
