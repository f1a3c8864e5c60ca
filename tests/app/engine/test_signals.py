"""Every reply that is a view reaches a signal of the engine."""

from PySide6.QtCore import SignalInstance

from app.document.document import Document
from app.engine.engine import Engine
from app.engine.views import SIGNALS


def test_every_view_has_a_signal(qapp) -> None:
    engine = Engine(Document())
    missing = [n for n in SIGNALS.values() if not isinstance(getattr(engine, n), SignalInstance)]
    assert missing == []
