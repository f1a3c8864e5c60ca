"""Somebody else's training loop: its net here, its weights recorded or shown while it trains."""
