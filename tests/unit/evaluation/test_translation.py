"""`translate`: a user's pictures in, the translator's out, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli
from tfgan_survey.errors import DataError, RunError, SettingError
from tfgan_survey.evaluation import translate_files, translate_run
from tfgan_survey.training import load_run
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.zoo import build

A, B = (8, 12, 1), (8, 12, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small untrained model from grey to colour and back, as a file."""
    path = tmp_path_factory.mktemp("run") / "model.keras"
    model = build("cyclegan_digits", (A, B), width=2, blocks=1, patch_width=2, patch_layers=1)
    return save_model(model, path)


@pytest.fixture(scope="module")
def model(run):
    return load_run(run)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (5, *B), np.uint8)


def write(folder, images, names):
    for image, name in zip(images, names, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(path)
    return folder


def as_bytes(images):
    return np.rint(images * 255).astype(np.uint8)


def pixels(path, shape):
    return np.asarray(Image.open(path)).reshape(shape)


def test_pictures_become_pngs_of_the_same_names(model, noise, tmp_path):
    grey = noise[..., :1]
    folder = write(tmp_path / "in", grey[:3], ["2.png", "1.jpg", "more/2.png"])
    single = write(tmp_path / "one", grey[3:4], ["3.png"]) / "3.png"
    found = translate_files(model, [folder, single], tmp_path / "out")
    expected = as_bytes(model.translate(grey[:4], "a2b"))
    assert found == tmp_path / "out"
    made = ["2.png", "1.png", "more/2.png", "3.png"]
    assert sorted(p.relative_to(found).as_posix() for p in found.rglob("*.*")) == sorted(made)
    lossless = {"2.png": 0, "more/2.png": 2, "3.png": 3}
    for name, number in lossless.items():
        assert np.array_equal(pixels(found / name, B), expected[number])


def test_directions_are_the_model_s(model, noise, tmp_path, monkeypatch):
    folder = write(tmp_path / "in", noise[:2], ["0.png", "1.png"])
    translate_files(model, [folder], tmp_path / "out", "b2a")
    back = Image.open(tmp_path / "out" / "1.png")
    assert back.mode == "L"
    expected = as_bytes(model.translate(noise[:2], "b2a"))
    assert np.array_equal(pixels(tmp_path / "out" / "1.png", A), expected[1])
    with pytest.raises(SettingError, match="direction='a2c': cyclegan_digits translates a2b and b"):
        translate_files(model, [folder], tmp_path / "none", "a2c")
    monkeypatch.setattr(type(model), "directions", ("b2a",))
    with pytest.raises(SettingError, match="direction='a2b': cyclegan_digits translates b2a"):
        translate_files(model, [folder], tmp_path / "none", "a2b")
    translate_files(model, [folder], tmp_path / "first")
    assert np.array_equal(pixels(tmp_path / "first" / "0.png", A), expected[0])


def test_arrays_become_arrays_with_their_labels(model, noise, tmp_path):
    grey = noise[..., :1]
    np.savez(tmp_path / "in.npz", images=grey[..., 0], labels=[1, 0, 2, 1, 1])
    translate_files(model, [tmp_path / "in.npz"], tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        assert np.array_equal(found["images"], as_bytes(model.translate(grey, "a2b")))
        assert found["labels"].tolist() == [1, 0, 2, 1, 1]
    folder = write(tmp_path / "in", grey[:2], ["0.png", "1.png"])
    translate_files(model, [folder], tmp_path / "two.npz")
    with np.load(tmp_path / "two.npz") as found:
        assert found.files == ["images"] and len(found["images"]) == 2


def test_a_png_shows_each_source_above_its_translation(model, noise, tmp_path):
    grey = noise[..., :1]
    np.savez(tmp_path / "in.npz", images=grey)
    translate_files(model, [tmp_path / "in.npz"], tmp_path / "grid.png")
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    left = sheet.shape[1] - 2 * (5 * 13 - 1)  # beside the names of the rows
    made = as_bytes(model.translate(grey, "a2b"))
    for number in (0, 4):
        column = left + 2 * 13 * number
        tiles = [sheet[top : top + 16 : 2, column : column + 24 : 2] for top in (0, 18)]
        assert np.array_equal(tiles[0], np.repeat(grey[number], 3, axis=2))
        assert np.array_equal(tiles[1], made[number])
    assert sheet.shape[0] == 2 * (2 * 9 - 1)


def test_other_sizes_and_channels_are_refused_or_made_to_fit(model, noise, tmp_path):
    grey = noise[..., :1]
    folder = write(tmp_path / "in", grey[:2], ["0.png", "1.png"])
    write(folder, [noise[2], np.full((16, 24), 90, np.uint8)], ["2.png", "3.png"])
    lines = []
    with pytest.raises(
        DataError, match=r"in: 12x8 grey is expected; this came: 2.png \(12x8 colour\), 3.png "
        r"\(24x16 grey\). Give --fit",
    ) as told:  # fmt: skip
        translate_files(model, [folder], tmp_path / "out", log=lines.append)
    assert "\n" not in str(told.value) and not (tmp_path / "out").exists() and not lines
    translate_files(model, [folder], tmp_path / "out", fit=True, log=lines.append)
    assert lines == [f"{folder}: 2 images of 12x8 colour, 24x16 grey are made 12x8 grey"]
    flat = as_bytes(model.translate(np.full((1, *A), 90, np.uint8)))
    assert np.array_equal(pixels(tmp_path / "out" / "3.png", B), flat[0])
    np.savez(tmp_path / "in.npz", images=noise.repeat(2, axis=1).repeat(2, axis=2))
    with pytest.raises(DataError, match=r"12x8 grey is expected; this came: images \(24x16 colour"):
        translate_files(model, [tmp_path / "in.npz"], tmp_path / "out.npz")
    translate_files(model, [tmp_path / "in.npz"], tmp_path / "out.npz", fit=True, log=lines.append)
    assert lines[1] == f"{tmp_path}/in.npz: 5 images of 24x16 colour are made 12x8 grey"
    translate_files(model, [folder / "0.png"], tmp_path / "out", fit=True, log=lines.append)
    assert len(lines) == 2


def test_what_is_no_picture_is_one_line_and_nothing_is_written(run, model, noise, tmp_path, capsys):
    folder = write(tmp_path / "in", noise[:2, ..., :1], ["0.png", "1.png"])
    (folder / "1.png").write_text("no picture")
    (folder / "notes.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "four.npz", images=np.zeros((2, 8, 12, 4), np.uint8))
    (tmp_path / "bad.npz").write_text("no archive")
    for wrong, message in (
        (folder, "1 of 2 pictures cannot be read: 1.png (cannot identify image file)"),
        (folder / "1.png", "1 of 1 pictures cannot be read: 1.png"),
        (folder / "notes.txt", "notes.txt is none of these; expected pictures (.png, .jpg"),
        (tmp_path / "none.png", "none.png does not exist; expected pictures"),
        (tmp_path / "empty", "empty has no pictures"),
        (tmp_path / "four.npz", "images are uint8 (2, 8, 12, 4); expected uint8"),
        (tmp_path / "bad.npz", "cannot be read as an .npz of arrays"),
    ):
        output = tmp_path / ("out.npz" if wrong.suffix == ".npz" else "out")
        with pytest.raises(DataError) as told:
            translate_files(model, [wrong], output)
        assert message in str(told.value) and "\n" not in str(told.value)
        assert not output.exists()
    with pytest.raises(SystemExit) as stop:
        cli.main(["translate", str(run), str(folder), "--output", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert stop.value.code == 1 and out == "" and "1 of 2 pictures cannot be read" in err
    assert err.startswith("error: ") and err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_outputs_that_do_not_suit_are_refused(model, noise, tmp_path):
    folder = write(tmp_path / "in", noise[:3, ..., :1], ["0.png", "0.jpg", "x/1.png"])
    np.savez(tmp_path / "in.npz", images=noise[..., :1])
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    for images, output, message in (
        ([tmp_path / "in.npz"], tmp_path / "out", "have no names for files of their own"),
        ([tmp_path / "in.npz", folder], tmp_path / "out.npz", "in.npz is translated alone"),
        ([folder], tmp_path / "out", "1 names stand for several pictures: .*out/0.png. Translate"),
        ([folder / "x"], folder / "x", "would overwrite what is translated: .*x/1.png"),
        ([folder / "x", folder / "x" / "1.png"], tmp_path / "out", "1 names stand for several"),
    ):
        with pytest.raises(SettingError, match=message):
            translate_files(model, images, output)
        assert not (tmp_path / "out").exists() and not (tmp_path / "out.npz").exists()
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_a_model_that_cannot_translate_says_what_it_can(noise, tmp_path):
    other = save_model(build("survey_gan", A, generator_widths=(4,)), tmp_path / "other.keras")
    folder = write(tmp_path / "in", noise[:1, ..., :1], ["0.png"])
    with pytest.raises(RunError, match="survey_gan cannot translate: what it can do is sample"):
        translate_run(other, [folder], tmp_path / "out")


def test_the_command_tells_what_it_wrote(run, model, noise, tmp_path, capsys):
    folder = write(tmp_path / "in", noise[:2], ["0.png", "1.png"])
    command = ["translate", run, folder, "--direction", "a2b", "--fit", "--output", tmp_path / "o"]
    with pytest.raises(SystemExit) as stop:
        cli.main([str(word) for word in command])
    out, err = capsys.readouterr()
    assert not stop.value.code and err == ""
    assert out.splitlines() == [
        f"{folder}: 2 images of 12x8 colour are made 12x8 grey", f"wrote {tmp_path / 'o'}"
    ]  # fmt: skip
    luma = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in noise[:2]])
    expected = as_bytes(model.translate(luma[..., None], "a2b"))
    assert np.array_equal(pixels(tmp_path / "o" / "1.png", B), expected[1])
