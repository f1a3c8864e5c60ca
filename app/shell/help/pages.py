"""Pages of the help that are not about operators: one per panel, and one per concept."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from PySide6.QtCore import QCoreApplication

from app.panels import PANELS

_ALSO = "also: "


@dataclass(frozen=True)
class Page:
    """A page of the help.

    Attributes:
        also: other words by which it is found, separated by commas.
        text: Markdown.
        panel: id of the panel that it is about, or "".
    """

    title: str
    also: str
    text: str
    icon: str
    panel: str = ""

    @property
    def summary(self) -> str:
        """Its first sentence."""
        return self.text.partition("\n")[0].partition(". ")[0].rstrip(".") + "."


def panel_pages() -> list[Page]:
    """Return a page for every panel: ``help.md`` in the panel's folder."""
    pages = []
    for row in PANELS:
        text = (resources.files(row.folder) / "help.md").read_text(encoding="utf-8")
        title = QCoreApplication.translate("Panels", row.title)
        pages.append(Page(title, *_parted(text), row.icon, row.id))
    return pages


def concept_pages() -> list[Page]:
    """Return a page for every concept: the sections of ``resources/help/concepts.md``."""
    file = resources.files("resources") / "help" / "concepts.md"
    _, *sections = file.read_text(encoding="utf-8").split("\n## ")
    pages = []
    for section in sections:
        title, _, text = section.partition("\n")
        pages.append(Page(title, *_parted(text), "guide"))
    return pages


def _parted(text: str) -> tuple[str, str]:
    """The words of the first line, and the text below it."""
    first, _, rest = text.strip().partition("\n")
    assert first.startswith(_ALSO), first
    return first.removeprefix(_ALSO), rest.strip()
