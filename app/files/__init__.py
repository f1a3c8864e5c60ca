"""All that asks for a path: open, save, recover, import, export, film."""
