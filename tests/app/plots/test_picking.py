"""Points in space are found again under the pointer."""

import numpy as np
from PySide6.QtGui import QMatrix4x4, QVector3D

from app.plots import picking

SIZE = (800, 600)
FOV = 60.0


def camera(elevation=34.0, azimuth=-60.0, distance=1.9):
    """As the view in space has it."""
    matrix = QMatrix4x4()
    matrix.translate(0.0, 0.0, -distance)
    matrix.rotate(elevation - 90, 1, 0, 0)
    matrix.rotate(azimuth + 90, 0, 0, -1)
    return matrix


def as_array(matrix):
    return np.array(matrix.data()).reshape(4, 4).T


def test_pixels_are_those_of_qt_s_own_projection():
    view, points = camera(), np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    pixels, depth = picking.on_screen(points, as_array(view), FOV, SIZE)
    whole = QMatrix4x4()
    reach = 0.01 * np.tan(np.radians(FOV) / 2)
    whole.frustum(-reach, reach, -reach * 0.75, reach * 0.75, 0.01, 100.0)
    whole *= view
    for point, pixel in zip(points, pixels, strict=True):
        seen = whole.map(QVector3D(*point))
        wanted = ((seen.x() + 1) / 2 * SIZE[0], (1 - seen.y()) / 2 * SIZE[1])
        np.testing.assert_allclose(pixel, wanted, atol=0.05)
    assert (depth > 0).all()


def test_the_foremost_fold_of_a_surface_is_taken():
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 61), np.linspace(-0.5, 0.5, 61), indexing="ij")
    hill = np.stack([x, y, 0.5 * np.exp(-20 * (x**2 + y**2))], -1).reshape(-1, 3)
    pixels, depth = picking.on_screen(hill, as_array(camera(elevation=10)), FOV, SIZE)
    for place in (61 * 30 + 30, 61 * 5 + 40):
        found = picking.under(tuple(pixels[place]), pixels, depth, 14.0)
        assert np.hypot(*(pixels[found] - pixels[place])) < 14
        behind = np.flatnonzero(np.hypot(*(pixels - pixels[place]).T) < 14)
        assert depth[found] <= depth[behind].min() + picking.DEEP
    outside = picking.under((-50.0, 300.0), pixels, depth, 14.0)
    assert pixels[outside, 0] == pixels[:, 0].min() or pixels[outside, 0] < 200
