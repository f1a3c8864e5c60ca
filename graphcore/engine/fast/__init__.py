"""The same numbers sooner. Everything here may be switched off."""
