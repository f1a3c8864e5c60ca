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


def hill(elevation):
    """A hill that hides what is behind it: heights, pixels and depth over a grid."""
    places = np.linspace(-0.5, 0.5, 61)
    x, y = np.meshgrid(places, places, indexing="ij")
    points = np.stack([x, y, 0.5 * np.exp(-20 * (x**2 + y**2))], -1)
    found, depth = picking.on_screen(
        points.reshape(-1, 3), as_array(camera(elevation=elevation)), FOV, SIZE
    )
    return found.reshape(61, 61, 2), depth.reshape(61, 61)


def test_a_place_is_found_where_it_is_seen():
    pixels, depth = hill(elevation=75)  # from above all of it is seen
    for place in ((30, 30), (5, 40), (52, 17), (0, 60)):
        np.testing.assert_allclose(
            picking.under(tuple(pixels[place]), pixels, depth), place, atol=1e-6
        )
    between = pixels[[20, 21], [20, 20]].mean(0)
    np.testing.assert_allclose(picking.under(tuple(between), pixels, depth), (20.5, 20), atol=1e-6)


def test_the_foremost_fold_of_a_surface_is_taken():
    pixels, depth = hill(elevation=10)
    hidden = 0
    for place in np.ndindex(61, 61):
        row, column = picking.under(tuple(pixels[place]), pixels, depth)
        near = round(row), round(column)
        assert depth[near] <= depth[place] + 0.05
        assert np.hypot(*(pixels[near] - pixels[place])) < 12
        hidden += np.hypot(row - place[0], column - place[1]) > 3
    assert hidden > 100  # behind the hill


def test_beside_the_surface_its_nearest_point_is_taken():
    pixels, depth = hill(elevation=10)
    row, column = picking.under((-50.0, 300.0), pixels, depth)
    assert pixels[int(row), int(column), 0] == pixels[..., 0].min()
