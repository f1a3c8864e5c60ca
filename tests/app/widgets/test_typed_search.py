"""One rule for every search field: which entries a typed text means, and which of them most."""

import pytest
from PySide6.QtWidgets import QApplication

from app.canvas.search_popup import ranked
from app.panels.library.panel import NAME, LibraryPanel
from app.shell import palette_commands
from app.shell.command_palette import CommandPalette
from app.widgets.typed_search import matches, score


def test_scores_put_starts_first():
    assert score("sav", "Save") > score("as", "Save As") > score("av", "Save") > 0
    assert score("dense", "Linear", "dense", "fc") > score("dens", "Linear", "dense", "fc")
    assert score("dens", "Linear", "dense", "fc") > score("ense", "Linear", "dense", "fc") > 0
    assert score("zzz", "Save") == 0


def test_every_word_has_to_occur_in_whatever_order_and_case():
    assert score("POOL max", "MaxPool2d") > 0
    assert score("max pond", "MaxPool2d") == 0
    assert matches("", "anything")


@pytest.mark.parametrize(
    ("typed", "first"),
    [("dense", "Linear"), ("relu", "ReLU"), ("max pool 2", "MaxPool2d"), ("conv", "Conv2d")],
)
def test_the_search_box_the_library_and_the_palette_mean_the_same(window, typed, first):
    assert ranked(typed)[0] == first
    library = LibraryPanel(window.document)
    library.search.setText(typed)
    assert library.tree.currentIndex().data(NAME) == first
    palette = CommandPalette(palette_commands.commands(window), window)
    palette.search.setText(typed)
    QApplication.processEvents()
    shown = [palette.list.item(i).text() for i in range(palette.list.count())]
    assert next(s for s in shown if s.startswith("Add ")) == f"Add {first}"
    palette.close()
    library.deleteLater()
