"""Pictures: every tile in its place, values exact."""

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import pictures


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_every_tile(channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, channels), dtype=np.uint8)
    sheet = np.asarray(pictures.grid(images, columns=3, scale=2)).reshape(18, 40, channels)
    for index, image in enumerate(images):
        top, left = (index // 3) * 10, (index % 3) * 14
        tile = sheet[top : top + 8 : 2, left : left + 12 : 2]
        np.testing.assert_array_equal(tile, image)


@pytest.mark.parametrize(
    ("point", "row", "column"),
    [
        ((0, 1), 0, 140),
        ((0, -1), 279, 140),
        ((1, 0), 140, 279),
        ((-1, 0), 140, 0),
        ((9, 9), 0, 279),
    ],
)
def test_scatter_shows_the_plane_as_it_is_drawn_on_paper(point, row, column):
    """The first coordinate grows to the right, the second upwards; beyond `reach` is the border."""
    picture = np.asarray(pictures.scatter(np.array([point], float), reach=1.0, scale=2))
    ((found_row, found_column),) = np.argwhere(picture < 255)
    assert picture.shape == (280, 280)
    assert abs(found_row - row) <= 1 and abs(found_column - column) <= 1


def test_scatter_is_darker_where_points_are_dense():
    points = np.array([[0.5, 0.5]] * 9 + [[-0.5, -0.5]])
    picture = np.asarray(pictures.scatter(points, reach=1.0))
    dark = sorted(picture[picture < 255])
    # ink is half for presence, half for log(1 + n) over the densest cell's.
    expected = [0, round(255 * (1 - (0.5 + 0.5 * np.log(2) / np.log(10))))]
    assert dark == expected


def test_row_labels_widen_the_grid_and_are_drawn():
    images = np.zeros((4, 8, 8, 1), np.uint8)
    plain = pictures.grid(images, columns=2)
    labelled = pictures.grid(images, columns=2, row_labels=["0", "1"])
    assert labelled.size[0] > plain.size[0] and labelled.size[1] == plain.size[1]
    margin = np.asarray(labelled)[:, : labelled.size[0] - plain.size[0]]
    assert margin.min() < 100 and margin.max() == 255


def test_to_uint8_rounds_and_refuses():
    floats = np.array([0.0, 0.5, 1.0, 127.4 / 255])
    assert pictures.to_uint8(floats).tolist() == [0, 128, 255, 127]
    for bad in ([1.5], [-0.5], [np.nan]):
        with pytest.raises(ValueError, match="expected"):
            pictures.to_uint8(np.array(bad))
    with pytest.raises(ValueError, match="expected"):
        pictures.grid(np.zeros((4, 8, 8), np.uint8))


def test_film_keeps_every_frame_and_rests_on_the_last(tmp_path):
    frames = [Image.new("L", (8, 8), 40 * k) for k in range(4)]
    path = pictures.save_film(frames, tmp_path / "film.gif", seconds=1)
    with Image.open(path) as film:
        assert film.n_frames == 4
        durations = []
        for index in range(4):
            film.seek(index)
            durations.append(film.info["duration"])
            assert np.asarray(film.convert("L")).mean() == pytest.approx(40 * index, abs=1)
    assert durations == [250, 250, 250, 1500]
    with pytest.raises(ValueError, match="at least one frame"):
        pictures.save_film([], tmp_path / "none.gif")
