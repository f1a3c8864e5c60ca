"""A run as one HTML page that needs nothing else: no network, no other file.

``content`` gathers what there is to say, ``sections`` and ``svg`` turn it into HTML, ``page``
puts the page together.
"""

from graphcore.report.content import Report, gather
from graphcore.report.page import MARK, render

__all__ = ["MARK", "Report", "gather", "render"]
