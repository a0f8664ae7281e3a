"""The command `pictures`: every picture that a run can make, none that it cannot, before a file."""

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli, pictures
from tfgan_survey.data import load_arrays
from tfgan_survey.evaluation import Target, album
from tfgan_survey.evaluation.codes import Coded, interpolations
from tfgan_survey.training import load_run
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.looks import denoisings, reconstructions
from tfgan_survey.zoo import build_from_settings, resolve

SMALL = {"dataset": "mnist_mini", "steps": 1, "jit_compile": False}
KINDS = {
    "denoiser": ("autoencoder", {"widths": (), "latent_dim": 2, "corruption": "masking"}, None),
    "vae": ("vae", {"widths": (4,), "latent_dim": 3, "conditional": True}, 10),
    "gan": ("survey_gan", {"generator_widths": (4,), "discriminator_widths": (4,)}, None),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Untrained runs, one of each kind."""
    root = tmp_path_factory.mktemp("runs")
    for name, (model, options, classes) in KINDS.items():
        settings = resolve(model, SMALL | options | {"seed": 2})
        folder = RunFolder(root / name)
        folder.begin(settings, {})
        save_model(build_from_settings(settings, (28, 28, 1), classes), folder.model)
        folder.mark_finished()
    return root


@pytest.fixture(scope="module")
def test_set():
    return load_arrays("mnist_mini", "test")


def invoke(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["pictures", *map(str, arguments)])
    return stop.value.code or 0, *capsys.readouterr()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def same(path, picture):
    with Image.open(path) as found:
        np.testing.assert_array_equal(np.asarray(found), np.asarray(picture))


def test_one_run_has_all_that_it_can_in_its_own_folder(runs, test_set, capsys):
    code, out, err = invoke(capsys, runs / "denoiser")
    folder = runs / "denoiser" / "pictures"
    assert (code, err) == (0, "")
    assert names(folder) == ["codes.png", "denoised.png", "interpolation.png", "plane.png",
                             "reconstructions.png"]  # fmt: skip
    assert sorted(out.splitlines()) == sorted([
        *(f"wrote {folder / one}" for one in names(folder) if one != "interpolation.png"),
        f"wrote {folder / 'interpolation.png'}",
        "no samples of denoiser: it needs a model that can sample",
        "no arithmetic of denoiser: it needs a model that can sample",
        "no translations of denoiser: it needs a model that can translate",
    ])  # fmt: skip
    model, images = load_run(runs / "denoiser"), test_set.images[:50]
    same(folder / "denoised.png", pictures.stacked(denoisings(model, images)))
    same(folder / "reconstructions.png", pictures.stacked(reconstructions(model, images)))
    same(folder / "plane.png", pictures.grid(Coded(model, test_set).decoded_plane()))
    with Image.open(folder / "codes.png") as codes:
        assert codes.size[0] > 700


def test_several_runs_share_the_interpolation(runs, test_set, tmp_path, capsys):
    given = [runs / name for name in KINDS]
    code, out, _ = invoke(capsys, *given, "--output", tmp_path)
    assert code == 0
    assert names(tmp_path) == [
        "denoiser-codes.png", "denoiser-denoised.png", "denoiser-plane.png",
        "denoiser-reconstructions.png", "gan-samples.png", "interpolation.png", "vae-codes.png",
        "vae-reconstructions.png", "vae-samples.png",
    ]  # fmt: skip
    models = [(name, load_run(runs / name)) for name in ("denoiser", "vae")]
    rows = interpolations(models, test_set)
    same(tmp_path / "interpolation.png", pictures.stacked(rows, 11))
    assert "no plane of vae: it needs codes of 2 numbers; these are of 3" in out
    assert "no codes of gan: it needs a model that can encode" in out
    # Whoever is told labels has no classes among its latents; who learnt nothing shows none.
    assert "no arithmetic of vae: it needs an unconditional model" in out
    assert "no arithmetic of gan: it needs samples that show their classes: of 2,000" in out


def test_only_some_are_asked_for_and_options_arrive(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = runs / "gan" / "model.keras"
    assert invoke(capsys, file, "--only", "samples", "--seed", "7")[0] == 0
    made = load_run(file).generate(100, seed=7)
    same(tmp_path / "pictures" / "samples.png", pictures.grid(made, 10))
    code, _, err = invoke(capsys, runs / "vae", runs / "denoiser", "--only", "plane,codes",
                          "--output", tmp_path / "two")  # fmt: skip
    assert (code, err) == (0, "")
    assert names(tmp_path / "two") == ["denoiser-codes.png", "denoiser-plane.png", "vae-codes.png"]


def test_another_data_set_is_shown_where_it_is_named(runs, photos, tmp_path, capsys):
    """Its images are of another size here: one line, nothing written."""
    given = ["--dataset", "tiny_photos", "--data-dir", photos, "--output", tmp_path / "out"]
    code, _, err = invoke(capsys, runs / "denoiser", *given)
    assert code == 2 and not (tmp_path / "out").exists()
    assert "denoiser takes images 28x28x1, those of tiny_photos" in err


def test_runs_of_different_sizes_have_no_picture_together(runs, tmp_path, capsys):
    settings = resolve("vae", SMALL | {"widths": (4,), "latent_dim": 2, "image_size": 14})
    small = RunFolder(tmp_path / "small")
    small.begin(settings, {})
    save_model(build_from_settings(settings, (14, 14, 1), None), small.model)
    small.mark_finished()
    given = [runs / "denoiser", small.path, "--output", tmp_path / "out"]
    code, out, err = invoke(capsys, *given)
    assert (code, out) == (2, "") and not (tmp_path / "out").exists()
    assert "small takes images 14x14x1" in err and "are 28x28x1" in err
    assert invoke(capsys, *given, "--only", "plane")[0] == 0


@pytest.mark.parametrize(
    ("given", "only", "code", "said"),
    [
        (["gan"], "codes", 2, "no picture codes of gan: it needs a model that can encode."),
        (["vae", "gan"], "plane", 2, "no picture plane of vae: it needs codes of 2 numbers"),
        (["gan"], "smaples", 2, "samples"),
        (["gan", "gan/../gan"], "samples", 2, "is given twice"),
        (["gan"], "arithmetic", 2, "of 10 classes only"),
        (["nothing"], "samples", 1, "no model in"),
    ],
)
def test_refusals_write_nothing(runs, tmp_path, capsys, given, only, code, said):
    paths = [runs / name for name in given]
    found, out, err = invoke(capsys, *paths, "--only", only, "--output", tmp_path / "out")
    assert (found, out) == (code, "") and said in err
    assert not (tmp_path / "out").exists()


def test_a_file_of_samples_is_no_model(tmp_path, capsys):
    np.savez(tmp_path / "made.npz", images=np.zeros((3, 28, 28, 1), np.uint8))
    code, _, err = invoke(capsys, tmp_path / "made.npz")
    assert code == 2 and "give a run folder or a .keras file" in err


def test_runs_of_one_name_are_told_apart(runs):
    paths = [runs / "gan", runs / "vae" / "best", runs / "denoiser" / "best"]
    assert list(album._named([Target(path) for path in paths])) == [
        "gan", "vae-best", "denoiser-best"
    ]  # fmt: skip
