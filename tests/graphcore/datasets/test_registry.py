"""What holds for every data set: types, seeds, options, subsets, normalisation."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import Dataset, normalization
from graphcore.datasets.learned import learned
from graphcore.errors import DataError

FROM_FILES = ("mnist", "csv", "image-folder", "idx", "npz", "probe")
GENERATED = tuple(n for n in datasets.names() if n not in FROM_FILES)


def same(a: Dataset, b: Dataset) -> bool:
    pairs = ((a.train, b.train), (a.test, b.test))
    return all(
        np.array_equal(p.inputs, q.inputs) and np.array_equal(p.targets, q.targets)
        for p, q in pairs
    )


def test_names_are_those_that_were_promised() -> None:
    assert set(datasets.names()) >= {
        "mnist", "digits", "circle", "xor", "gauss", "spiral", "plane", "multi-gauss", "moons",
        "rings", "boundary", "xor4", "two-gaussians", "linear", "csv", "image-folder", "idx",
    }  # fmt: skip


def test_describing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from graphcore import datasets\n"
        "[datasets.describe(n) for n in datasets.names()]\n"
        "heavy = {'torch._C', 'sklearn', 'PIL', 'pooch', 'requests', 'PySide6', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", datasets.names())
def test_descriptions_are_complete(name: str) -> None:
    info = datasets.describe(name)
    assert info.name == name
    assert info.title
    assert info.help.endswith((".", ")"))
    assert all(o.help.endswith(".") for o in info.options)
    assert len({o.name for o in info.options}) == len(info.options)
    assert "validation" in {o.name for o in info.options}


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_loaded_is_what_was_described(name: str) -> None:
    info, data = datasets.describe(name), datasets.load(name)
    assert data.name == name
    assert info.task in (None, data.task)
    assert info.input_shape in (data.input_shape, None)  # None: an option decides
    assert info.n_classes in (len(data.classes), None)
    assert data.validation is None
    for split in (data.train, data.test):
        assert split.inputs.dtype == np.float32
        assert split.inputs.shape == (len(split), *data.input_shape)
        assert split.inputs.flags.c_contiguous
        assert split.targets.flags.c_contiguous
        assert np.isfinite(split.inputs).all()
        if data.task == "classification":
            assert split.targets.dtype == np.int64
            assert set(split.targets) <= set(range(len(data.classes)))
        else:
            assert split.targets.dtype == np.float32
            assert split.targets.ndim == 2


@pytest.mark.parametrize("name", GENERATED)
def test_the_seed_decides(name: str) -> None:
    assert same(datasets.load(name, seed=3), datasets.load(name, seed=3))
    if name not in ("xor4", "by-hand"):  # nothing is drawn
        assert not same(datasets.load(name, seed=3), datasets.load(name, seed=4))


@pytest.mark.parametrize("kind", ["none", "standardize", "min-max"])
@pytest.mark.parametrize("name", ["gauss", "digits", "linear"])
def test_normalization_is_measured_on_train_and_can_be_undone(name: str, kind: str) -> None:
    plain, data = datasets.load(name), datasets.load(name, normalization=kind)
    images = len(data.input_shape) > 1
    axis = None if images else 0
    x = data.train.inputs.astype(np.float64)
    if kind == "standardize":
        assert x.mean(axis) == pytest.approx(0, abs=1e-5)
        assert x.std(axis) == pytest.approx(1, abs=1e-5)
    if kind == "min-max":
        assert x.min(axis) == pytest.approx(0, abs=1e-6)
        assert x.max(axis) == pytest.approx(1, abs=1e-6)
    for before, after in ((plain.train, data.train), (plain.test, data.test)):
        norm = data.normalization
        np.testing.assert_allclose(norm.apply(before.inputs), after.inputs, atol=1e-6)
        np.testing.assert_allclose(norm.invert(after.inputs), before.inputs, atol=1e-5)
    assert data.normalization.shift.shape == (() if images or kind == "none" else data.input_shape)
    assert data.normalization.describe().startswith("Inputs are ")


def test_the_colours_of_imagenet_are_taken_off_pictures_and_of_nothing_else() -> None:
    options = {"shape": "3x4x5", "spread": "even", "samples": 10}
    plain = datasets.load("random", options=options).train.inputs
    data = datasets.load("random", options=options, normalization="imagenet")
    assert 0 <= plain.min() < plain.max() <= 1
    wanted = (plain[:, 2] - 0.406) / 0.225
    np.testing.assert_allclose(data.train.inputs[:, 2], wanted, atol=1e-5)
    np.testing.assert_allclose(data.normalization.invert(data.train.inputs), plain, atol=1e-6)
    again = learned(data).normalization.normalization
    np.testing.assert_array_equal(again.apply(plain), data.train.inputs)
    with pytest.raises(DataError, match="pictures in colour"):
        datasets.load("digits", normalization="imagenet")


def test_normalization_names_its_numbers() -> None:
    data = datasets.load("linear", normalization="standardize")
    x = data.normalization
    assert f"mean {float(x.shift[0]):.4g} and std {float(x.scale[0]):.4g}" in x.describe()


def test_a_feature_that_never_varies_is_only_shifted() -> None:
    inputs = np.array([[1.0, 5.0], [3.0, 5.0]])
    for kind in ("standardize", "min-max"):
        assert normalization.fit(kind, inputs).apply(inputs)[:, 1].tolist() == [0, 0]


def test_years_keep_their_digits() -> None:
    years = np.arange(2000.0, 2010.0)[:, None] * 1e6 + np.arange(10.0)[:, None]
    scaled = normalization.fit("min-max", years).apply(years)
    assert scaled[:, 0] == pytest.approx(np.arange(10) / 9, abs=1e-6)


def test_validation_is_taken_from_train() -> None:
    plain = datasets.load("digits")
    data = datasets.load("digits", options={"validation": 0.25})
    assert data.validation is not None
    assert len(data.train) + len(data.validation) == len(plain.train)
    assert len(data.validation) == pytest.approx(len(plain.train) / 4, abs=10)
    assert np.array_equal(data.test.inputs, plain.test.inputs)
    counts = np.bincount(data.validation.targets)
    assert counts.min() > 0.8 * counts.max()


def test_digits_are_split_alike_in_every_class() -> None:
    data = datasets.load("digits")
    train, test = np.bincount(data.train.targets), np.bincount(data.test.targets)
    assert (train + test).sum() == 1797
    assert train / (train + test) == pytest.approx(0.8, abs=0.01)


def test_digits_look_like_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    data = datasets.load("digits")
    images = np.concatenate((data.train.inputs, data.test.inputs))[:, 0]
    assert images.shape == (1797, 28, 28)
    assert images.min() == 0
    assert images.max() <= 1
    assert not images[:, :4].any()
    ink = np.sort(images.mean((1, 2)))
    theirs = np.sort(load_digits().images.mean((1, 2)) / 16 * (20 / 28) ** 2)
    assert ink == pytest.approx(theirs, rel=0.1)


def test_train_samples_limits_train_alone() -> None:
    data = datasets.load("digits", options={"train_samples": 100})
    assert len(data.train) == 100
    assert len(data.test) > 300
    assert len(datasets.load("digits", options={"train_samples": 10**6}).train) > 1400


def test_imbalance_is_geometric_and_leaves_test_alone() -> None:
    options = {"samples": 30_000, "imbalance": 100.0}
    data = datasets.load("rings", options=options)
    counts = np.bincount(data.train.targets)
    assert counts[0] / counts[1] == pytest.approx(10, rel=0.05)
    assert counts[0] / counts[2] == pytest.approx(100, rel=0.05)
    test = np.bincount(data.test.targets)
    assert test.min() > 0.9 * test.max()


def test_label_noise_changes_that_share_of_train_labels() -> None:
    plain = datasets.load("digits")
    data = datasets.load("digits", options={"label_noise": 0.5})
    assert np.array_equal(plain.train.inputs, data.train.inputs)
    changed = (plain.train.targets != data.train.targets).mean()
    assert changed == pytest.approx(0.5 * 0.9, abs=0.05)
    assert np.array_equal(plain.test.targets, data.test.targets)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("circle", {"nois": 0.1}, "has no option 'nois'; it has: noise, train_share"),
        ("circle", {"noise": "much"}, "is a number, not 'much'"),
        ("circle", {"noise": float("nan")}, "lies between 0 and 0.5, not at nan"),
        ("circle", {"noise": True}, "is a number, not True"),
        ("circle", {"samples": 100.5}, "is a whole number, not 100.5"),
        ("circle", {"samples": 10**9}, "lies between 10 and 100000"),
        ("circle", {"targets": "words"}, "is one of classes, signs, zero-one, not 'words'"),
        ("linear", {"slope": float("inf")}, "not at inf"),
        ("mnist", {"fallback": 1}, "is true or false, not 1"),
        ("circles", {}, "no data set called 'circles'; there are: mnist"),
    ],
)
def test_wrong_options_are_named(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        datasets.load(name, options=options)


def test_whole_numbers_may_come_as_floats_and_the_reverse() -> None:
    data = datasets.load("circle", options={"samples": 100.0, "noise": 0})
    assert len(data.train) == 50


def test_unknown_normalization_and_seed() -> None:
    with pytest.raises(DataError, match="no normalization 'z'; there are: none, standardize"):
        datasets.load("circle", normalization="z")
    wrong: list[Any] = [-1, 1.5, True]
    for seed in wrong:
        with pytest.raises(DataError, match="whole number from 0 on"):
            datasets.load("circle", seed=seed)


def test_another_data_set_keeps_the_options_that_mean_the_same_there() -> None:
    given = {"targets": "signs", "noise": 0.2, "only_classes": "0"}
    assert datasets.shared_options(given, "circle", "xor") == {"targets": "signs", "noise": 0.2}
    assert datasets.shared_options({"path": "a.csv", "target": "y"}, "csv", "image-folder") == {}
    assert datasets.shared_options(given, "nowhere", "xor") == {}
