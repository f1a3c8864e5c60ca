"""A script's own training loop: its net here, its weights recorded or shown while it trains."""
