"""Pictures: every tile in its place, values exact."""

import numpy as np
import pytest
from matplotlib.figure import Figure
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


def test_stacked_keeps_what_belongs_together_in_a_column():
    """Tile (block, set, column) is image block * columns + column of its set, or black."""
    rng = np.random.default_rng(1)
    sets = {"x": rng.integers(1, 256, (5, 4, 6, 1), dtype=np.uint8),
            "made": rng.integers(1, 256, (5, 4, 6, 1)) / 255.0}  # fmt: skip
    sheet = np.asarray(pictures.stacked(sets, columns=3, scale=1))
    tiles = sheet[:, -(3 * 7 - 1) :]
    assert sheet.shape[0] == 4 * 5 - 1 and sheet.shape[1] > tiles.shape[1], "names stand left"
    for block, which, column in np.ndindex(2, 2, 3):
        top, left = (2 * block + which) * 5, column * 7
        index = 3 * block + column
        images = pictures.to_uint8(list(sets.values())[which])[..., 0]
        expected = images[index] if index < 5 else np.zeros((4, 6))
        np.testing.assert_array_equal(tiles[top : top + 4, left : left + 6], expected)
    few = np.asarray(pictures.stacked({"x": sets["x"][:2], "y": sets["made"][:2]}, 10, scale=1))
    assert few.shape[1] < sheet.shape[1], "no wider than there are images"
    for wrong in ({}, {"x": sets["x"], "y": sets["made"][:4]}):
        with pytest.raises(ValueError, match="equally many"):
            pictures.stacked(wrong)


def test_stacked_sets_of_other_sizes_and_channels_lie_on_the_background():
    grey = np.full((2, 3, 4, 1), 200, np.uint8)
    colour = np.tile(np.array([10, 20, 30], np.uint8), (2, 5, 2, 1))
    sheet = np.asarray(pictures.stacked({"g": grey, "c": colour}, 2, scale=1))
    tiles = sheet[:, -9:]  # right of the names: two tiles of 4 and the gap between them
    assert sheet.shape == (2 * 5 + 1, sheet.shape[1], 3)
    assert np.all(tiles[:3, :4] == 200) and np.all(tiles[3:5, :4] == 96)
    assert np.all(tiles[6:, :2] == [10, 20, 30]) and np.all(tiles[6:, 2:4] == 96)


def test_a_column_is_as_wide_as_its_widest_and_grey_if_all_are():
    parts = [pictures.grid(np.zeros((n, 2, 2, 1), np.uint8), n, scale=1) for n in (1, 3)]
    assert pictures.column(parts).size == (8, 8) and pictures.column(parts).mode == "L"
    coloured = pictures.grid(np.zeros((1, 2, 2, 3), np.uint8), 1, scale=1)
    assert pictures.column([*parts, coloured]).mode == "RGB"


def drawn(points, **options):
    """Draw into real axes; return them."""
    axes = Figure().subplots()
    pictures.draw_classes(axes, points, **options)
    return axes


def test_classes_have_their_points_their_colours_and_their_names():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(60, 2)), np.arange(60) % 3
    names = [f"class {i}" for i in range(4)]
    axes = drawn(points, labels=labels, names=names, region=([-1, -2], [3, 4]))
    *kinds, frame = axes.lines
    assert [line.get_label() for line in kinds] == names[:3], "a class without points is not named"
    for index, line in enumerate(kinds):
        np.testing.assert_array_equal(line.get_xydata(), points[labels == index])
        assert line.get_color() == pictures.CLASS_COLOURS[index]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names[:3]
    at = {text.get_text(): text.get_position() for text in axes.texts}
    np.testing.assert_allclose(at["class 2"], np.median(points[labels == 2], axis=0))
    corners = frame.get_xydata()
    assert corners.min(axis=0).tolist() == [-1, -2] and corners.max(axis=0).tolist() == [3, 4]


def test_more_classes_than_colours_are_told_apart_and_the_rest_is_others():
    points = np.arange(50.0).reshape(25, 2)
    axes = drawn(points, labels=np.arange(25), names=[str(i) for i in range(25)])
    looks = [(line.get_color(), line.get_marker()) for line in axes.lines]
    assert len(set(looks)) == 21 and looks[3][0] == looks[13][0] and looks[3] != looks[13]
    np.testing.assert_array_equal(axes.lines[20].get_xydata(), points[20:])
    assert axes.lines[20].get_label() == "others"
    plain = drawn(points)
    assert plain.get_legend() is None and len(plain.lines) == 1
    for wrong in (points[:, :1], np.full((3, 2), np.nan)):
        with pytest.raises(ValueError, match="finite numbers"):
            drawn(wrong)
    with pytest.raises(ValueError, match="one each"):
        drawn(points, labels=[1], names=["0", "1"])


def test_a_plane_of_classes_is_a_file(tmp_path):
    points = np.random.default_rng(0).normal(size=(30, 2))
    path = pictures.save_classes(points, tmp_path / "a.png", np.arange(30) % 2, ["a", "b"], "t")
    with Image.open(path) as picture:
        seen = {tuple(colour) for colour in np.asarray(picture.convert("RGB")).reshape(-1, 3)}
    assert len(seen) > 20 and [one.name for one in tmp_path.iterdir()] == ["a.png"]


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
