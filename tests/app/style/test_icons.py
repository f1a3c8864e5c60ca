"""Every icon shows something, in every state and at every resolution."""

import numpy as np
import pytest
from PySide6.QtGui import QIcon, QImage

from app.style import icons, palette
from app.style.strokes import STROKES

WANTED = (
    "new", "open", "save", "undo", "redo", "play", "pause", "step-op", "step-batch",
    "step-epoch", "reset", "fit", "search", "add", "delete", "frame", "group", "ungroup",
    "layout", "theme-dark", "theme-light", "gradient", "value", "landscape", "curves", "eye",
    "help", "settings", "warning", "error", "close", "copy", "paste", "cut", "export", "fold",
    "expose", "lock", "speed", "cpu", "camera", "plus", "minus", "check", "brush",
)  # fmt: skip


def ink(pixmap):
    """How much is drawn, 0 to 1."""
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = np.frombuffer(image.constBits(), np.uint8)
    return pixels.reshape(image.height(), -1)[:, 3::4].mean() / 255


@pytest.mark.parametrize("name", sorted({*STROKES, *WANTED}))
def test_every_icon_shows_something(qapp, name):
    for size in (16, 24, 48):
        assert 0.01 < ink(icons.icon(name).pixmap(size, size)) < 0.7
    disabled = icons.icon(name).pixmap(24, 24, QIcon.Mode.Disabled)
    assert ink(disabled) > 0.01


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
def test_a_picture_is_as_sharp_as_the_screen(qapp, ratio):
    picture = icons.pixmap("save", 20, ratio)
    assert picture.width() == round(20 * ratio)
    assert picture.devicePixelRatio() == ratio
    assert ink(picture) > 0.05


def test_icons_follow_the_theme(qapp):
    seen = set()
    for theme in ("dark", "light"):
        palette.apply(qapp, theme)
        image = icons.pixmap("play", 24).toImage()
        assert image.pixelColor(10, 12).name() == palette.current().text
        seen.add(image.pixelColor(10, 12).name())
    assert len(seen) == 2
    palette.apply(qapp, "dark")


def test_an_icon_that_is_missing_is_named(qapp):
    with pytest.raises(icons.UnknownIconError, match=r'no icon "pley"; there is: play'):
        icons.icon("pley")


def test_every_category_has_a_patch(qapp):
    for category in palette.CATEGORY_COLORS:
        assert ink(icons.category_icon(category).pixmap(16, 16)) > 0.3
