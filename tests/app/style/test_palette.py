"""Can it be read, can it be told apart, and does everything follow a change of theme?"""

from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QFont, QFontInfo

from app.style import colormaps, fonts, palette
from app.style.colormaps import contrast

THEMES = [palette.DARK, palette.LIGHT]
AREAS = ("window", "panel", "card", "canvas")

# Machado, Oliveira & Fernandes (2009): without red cones, without green cones; linear RGB.
PROTAN = [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.052]]
DEUTAN = [[0.3673, 0.8606, -0.228], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_text_can_be_read(theme):
    for name in ("text", "muted"):
        for area in (*AREAS, "raised"):
            assert contrast(getattr(theme, name), getattr(theme, area)) >= 4.5, (name, area)
    assert contrast(theme.on_accent, theme.accent) >= 4.5


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_marks_can_be_seen(theme):
    marks = {n: getattr(theme, n) for n in ("edge", "accent", "error", "warning", "good")}
    marks |= dict(enumerate(theme.series)) | palette.CATEGORY_COLORS
    for name, color in marks.items():
        for area in ("panel", "card", "canvas"):
            assert contrast(color, getattr(theme, area)) >= 3, (name, area)


def test_the_contrast_is_the_published_one():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_words_on_category_colors_can_be_read():
    for color in palette.CATEGORY_COLORS.values():
        assert contrast(palette.ink_on(QColor(color)).name(), color) >= 4.5


def test_categories_can_be_told_apart():
    colors = np.array([colormaps.rgb(c) for c in palette.CATEGORY_COLORS.values()])
    assert len(colors) == 13
    assert nearest(colormaps.oklab(colors)) > 0.09  # 0.02 is about what an eye can tell
    for cones in (PROTAN, DEUTAN):
        linear = colormaps._linear(colors) @ np.array(cones).T
        seen = colormaps.oklab(gamma(np.clip(linear, 0, 1)))
        assert nearest(seen) > 0.04


def nearest(lab):
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2))


def gamma(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_maps_are_ordered_by_lightness(theme):
    table = colormaps.lut("sequential", theme)
    assert table.shape == (256, 4)
    assert table.dtype == np.uint8
    light = colormaps.oklab(table[:, :3] / 255)[:, 0]
    assert (np.diff(light) > -0.004).all()  # 8 bits per channel make it waver a little
    assert light[-1] - light[0] > 0.7
    table = colormaps.lut("diverging", theme)
    away = 1 if theme == "dark" else -1
    light = away * colormaps.oklab(table[:, :3] / 255)[:, 0]
    assert (np.diff(light[128:]) > -0.004).all()
    assert (np.diff(light[:128]) < 0.004).all()
    assert abs(light[0] - light[-1]) < 0.1


def test_zero_is_the_colour_of_the_background():
    for theme in THEMES:
        zero = colormaps.lut("diverging", theme.name)[127, :3] / 255
        behind = np.array(colormaps.rgb(theme.card))
        assert np.linalg.norm(colormaps.oklab(zero) - colormaps.oklab(behind)) < 0.05


def test_an_unknown_map_or_theme_is_refused(qapp):
    with pytest.raises(ValueError, match=r'colour map "rainbow"'):
        colormaps.lut("rainbow", "dark")
    with pytest.raises(ValueError, match=r'no theme "blue"; there are dark, light'):
        palette.apply(qapp, "blue")


def test_the_lab_arithmetic_goes_there_and_back():
    colors = np.random.default_rng(0).random((50, 3))
    assert np.allclose(colormaps.from_oklab(colormaps.oklab(colors)), colors, atol=1e-6)


def test_a_change_of_theme_is_told_and_applied(qapp, qtbot):
    palette.apply(qapp, "dark")
    with qtbot.waitSignal(palette.notifier.changed):
        palette.apply(qapp, "light")
    assert palette.current() is palette.LIGHT
    assert qapp.palette().window().color().name() == palette.LIGHT.panel
    palette.apply(qapp, "dark")
    assert qapp.palette().window().color().name() == palette.DARK.panel


def test_the_fonts_ship_with_their_licence(qapp):
    palette.apply(qapp, "dark")
    assert QFontInfo(qapp.font()).family() == fonts.TEXT
    assert QFontInfo(QFont(fonts.MONO)).family() == fonts.MONO
    folder = files("resources") / "fonts"
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text()
    assert sum(len((folder / f).read_bytes()) for f in fonts.FILES) < 1_000_000


def test_figures_are_equally_wide(qapp):
    from PySide6.QtGui import QFontMetricsF

    palette.apply(qapp, "dark")
    plain = QFontMetricsF(fonts.text_font(20))
    metrics = QFontMetricsF(fonts.figure_font(20))
    assert plain.horizontalAdvance("111111") < plain.horizontalAdvance("888888")
    assert metrics.horizontalAdvance("111111") == metrics.horizontalAdvance("888888")
