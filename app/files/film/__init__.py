"""Films of a run: what a view shows, as GIF, animated PNG or MP4.

The window grabs pictures and hands them to a process of its own, which encodes them as they
come; neither side ever holds more than a few.
"""
