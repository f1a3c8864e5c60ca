"""The one table of data sets, and the way from a name and options to a Dataset.

To add a data set, write a function with ``@dataset``: it gets a Request and returns Samples.
Splitting, subsets, kinds of target and normalisation are done here, alike for all.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from graphcore.datasets import normalization as normalizations
from graphcore.datasets import splitting, subsets
from graphcore.datasets.dataset import Array, Dataset, RawColumn, Split, Task
from graphcore.errors import DataError
from graphcore.system import reading

Progress = Callable[[str, int, int], None]
Value = bool | int | float | str
NO_FILE = "No file has been chosen yet"
"""How the sentence begins that asks for the file of a data set."""


@dataclass(frozen=True)
class Option:
    """One choice a data set offers; its type is that of ``default``.

    Attributes:
        minimum, maximum: bounds of a number, both allowed; None is no bound.
        choices: the values that text may have; empty if any.
        names: whether the text names a column of the table, or several separated by commas.
        path: whether the text is the path of a file or of a folder.
    """

    name: str
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    path: Literal["", "file", "folder"] = ""
    names: Literal["", "one", "several"] = ""


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is loaded; None where that depends on a file."""

    name: str
    title: str
    help: str
    task: Task | None
    input_shape: tuple[int, ...] | None
    options: tuple[Option, ...]
    n_classes: int | None


@dataclass(frozen=True)
class Request:
    """What a data set function gets: checked options, a seeded generator, where files may be.

    Attributes:
        files: where paths of another machine lie on this one.
    """

    options: Mapping[str, Any]
    rng: np.random.Generator
    data_dir: Path | None = None
    progress: Progress | None = None
    files: Mapping[str, Path] = field(default_factory=dict)

    def path(self, option: str) -> Path:
        """The path given as an option, relative to the data folder if there is one.

        Raises:
            DataError: none was given.
        """
        text = self.options[option]
        if not text or "\0" in text:
            start = "The" if text else f"{NO_FILE}: the"
            raise DataError(f"{start} option {option!r} needs the path of a file or folder.")
        if text in self.files:
            return self.files[text]
        return (self.data_dir or Path()) / reading.expanded(text, DataError)


@dataclass(frozen=True, eq=False)
class Samples:
    """What a data set function returns.

    Attributes:
        inputs: numbers, shape (n, *input_shape).
        targets: whole numbers (n,) for classification, else (n, k).
        test: inputs and targets of the test split; None has it split off the samples.
        validation: inputs and targets that are held back, where the data have such a split.
        stratify: whether a split keeps the share of each class.
        classes: names of the classes; None takes those the data set is registered with.
        name: set if these are the data of another set, as with a fallback.
        columns: what each number of a sample is called, or nothing.
        raw_columns, target, header: see ``Dataset``.
        normalization: how the inputs are normalised, if they are; None has it measured.
    """

    inputs: Array
    targets: Array
    test: tuple[Array, Array] | None = None
    stratify: bool = False
    classes: tuple[str, ...] | None = None
    name: str = ""
    note: str = ""
    columns: tuple[str, ...] = ()
    target: str = ""
    validation: tuple[Array, Array] | None = None
    raw_columns: tuple[RawColumn, ...] = ()
    header: tuple[str, ...] = ()
    normalization: normalizations.Normalization | None = None


@dataclass(frozen=True)
class _Entry:
    info: DatasetInfo
    classes: tuple[str, ...]
    function: Callable[[Request], Samples]


_table: dict[str, _Entry] = {}

DEFAULT_SHARE = 0.8  # that is trained on, where a data set leaves no choice
TRAIN_SHARE = Option("train_share", 0.5, "Share of the samples that is trained on.", 0.1, 0.9)
TARGETS = Option(
    "targets", "classes",
    "Class indices; or one number per sample: -1 and +1, or 0 and 1.",
    choices=("classes", "signs", "zero-one"),
)  # fmt: skip
_SUBSETS = (
    Option("train_samples", 0, "Train on this many samples only; 0 is all of them.", 0),
    Option("validation", 0.0, "Share of the train split that is held back.", 0.0, 0.5),
)
_SCALE = Option(
    "target_scale", "none",
    "standardize: targets that are numbers get mean 0 and standard deviation 1 of the train split; "
    "errors and answers are shown in their own unit.", choices=("none", "standardize"),
)  # fmt: skip
_CLASSES = Option(
    "only_classes", "", "Classes that are kept, such as 0-4 or cat, dog; all if empty."
)
_LABELS = (
    Option("imbalance", 1.0, "How many times more of its samples the first class keeps "
           "than the last; train split only.", 1.0, 1000.0),
    Option("label_noise", 0.0, "Share of the train split that gets a random class: any of them, "
           "its own too.", 0.0, 1.0),
)  # fmt: skip


def dataset(
    name: str, title: str, *, task: Task | None = "classification",
    shape: tuple[int, ...] | None = (2,), classes: tuple[str, ...] | None = (),
    options: tuple[Option, ...] = (),
) -> Callable[[Callable[[Request], Samples]], Callable[[Request], Samples]]:  # fmt: skip
    """Register a function; its docstring is the help of the data set."""

    def put(function: Callable[[Request], Samples]) -> Callable[[Request], Samples]:
        common: tuple[Option, ...] = _SUBSETS
        common += () if task == "regression" else (_CLASSES, *_LABELS)
        common += () if task == "classification" else (_SCALE,)
        info = DatasetInfo(
            name, title, inspect.cleandoc(function.__doc__ or ""), task, shape,
            options + common, None if classes is None else len(classes),
        )  # fmt: skip
        _table[name] = _Entry(info, classes or (), function)
        return function

    return put


def names() -> tuple[str, ...]:
    """Names of all data sets."""
    return tuple(_table)


def describe(name: str) -> DatasetInfo:
    """What is known of a data set without loading it; raises DataError for an unknown name."""
    return _entry(name).info


def load_dataset(
    name_or_path: str | Path, *, normalization: str = "none", seed: int = 0,
    data_dir: Path | None = None, **options: Any,
) -> Dataset:  # fmt: skip
    """Load a data set by its name, a table by its file, or a folder of images by its path.

    Args:
        normalization, seed, data_dir: as ``load`` takes them.
        options: of the data set, see ``describe``; "csv" and "image-folder" read own data.

    Raises:
        DataError: unknown name or option, or data that cannot be found, fetched or read.
    """
    name, place = named(name_or_path)
    return load(
        name,
        options={**options, **place},
        normalization=normalization,
        seed=seed,
        data_dir=data_dir,
    )


def named(name_or_path: str | Path) -> tuple[str, dict[str, str]]:
    """Return the name of a data set, and the option that says where own data lie.

    A folder is one of images; a file is a table, or arrays where its name ends in .npz.
    """
    name, path = str(name_or_path), Path(name_or_path)
    if name in _table or not path.exists():
        return name, {}
    kind = "image-folder" if path.is_dir() else "npz" if path.suffix == ".npz" else "csv"
    return kind, {"path": str(path.absolute())}


def load(
    name: str, *, options: Mapping[str, Any] | None = None, normalization: str = "none",
    seed: int = 0, data_dir: Path | None = None, progress: Progress | None = None,
    files: Mapping[str, Path] | None = None,
) -> Dataset:  # fmt: skip
    """Load or generate a data set; the same arguments give the same numbers.

    Args:
        options: values for some of ``describe(name).options``; the others keep their default.
        normalization: "none", "standardize" or "min-max", measured on the train split, or
            "imagenet", for pictures in colour.
        seed: of everything that is drawn: points, noise, splits.
        data_dir: folder that data files are looked for in first.
        progress: called while fetching, with what is fetched, bytes done and bytes in all.
        files: where paths of another machine, named in the options, lie on this one.

    Raises:
        DataError: unknown name or option, or data that cannot be found, fetched or read.
    """
    entry = _entry(name)
    normalizations.check(normalization)
    if type(seed) is not int or seed < 0:
        raise DataError(f"The seed of a data set is a whole number from 0 on, not {seed!r}.")
    chosen = check_options(entry.info, options or {})
    rng = np.random.default_rng(seed)
    folder = None if data_dir is None else Path(data_dir)
    request = Request(chosen, rng, folder, progress, files or {})
    return _prepare(entry, chosen, rng, normalization, request)


def check_options(info: DatasetInfo, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option with the value it was given, else its default; raises DataError."""
    known = {o.name: o for o in info.options}
    for name in given:
        if name not in known:
            raise DataError(
                f"The data set {info.name} has no option {name!r}; it has: {', '.join(known)}."
            )
    values = {name: given.get(name, o.default) for name, o in known.items()}
    return {name: _checked(info.name, known[name], value) for name, value in values.items()}


def shared_options(given: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    """Return the options of one data set that mean the same for another, such as "targets".

    Text that is written freely, as paths and names of classes are, belongs to the data themselves.
    """
    known = _entry(before).info.options if before in _table else ()
    same = {
        o.name
        for o in _entry(after).info.options
        if o in known and (o.choices or not isinstance(o.default, str))
    }
    return {name: value for name, value in given.items() if name in same}


def _entry(name: str) -> _Entry:
    if name not in _table:
        raise DataError(f"There is no data set called {name!r}; there are: {', '.join(_table)}.")
    return _table[name]


def _checked(dataset_name: str, option: Option, value: Any) -> Value:
    wanted = type(option.default)
    if wanted is float and type(value) is int:
        value = float(value)
    if wanted is int and type(value) is float and value.is_integer():
        value = int(value)
    where = f"The option {option.name!r} of the data set {dataset_name}"
    if type(value) is not wanted:
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        raise DataError(f"{where} is {kind[wanted]}, not {value!r}.")
    if option.choices and value not in option.choices:
        raise DataError(f"{where} is one of {', '.join(option.choices)}, not {value!r}.")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low = -math.inf if option.minimum is None else option.minimum
        high = math.inf if option.maximum is None else option.maximum
        if not (low <= value <= high and math.isfinite(value)):
            raise DataError(f"{where} lies between {low:g} and {high:g}, not at {value!r}.")
    result: Value = value
    return result


def _prepare(
    entry: _Entry, options: dict[str, Any], rng: np.random.Generator, kind: str, request: Request
) -> Dataset:
    samples = entry.function(request)
    classes = entry.classes if samples.classes is None else samples.classes
    name = samples.name or entry.info.name
    splits = _halves(name, samples, options, rng)
    if options.get("only_classes"):
        splits, classes = subsets.only(options["only_classes"], splits, classes, name)
    train, test = splits[:2]
    train, validation = splitting.reduce(train, options, len(classes), rng)
    validation = validation or (splits[2] if len(splits) > 2 else None)
    norm = normalizations.fit(kind, train.inputs)
    if kind != "none" and samples.normalization is not None:
        norm = replace(samples.normalization, kind=kind)
    scale = options.get("target_scale", "none") if not classes else "none"
    answers = normalizations.fit(scale, train.targets.reshape(len(train), -1))
    coding = options.get("targets", "classes")
    parts = [
        None if s is None else _finish(s, norm, answers, coding) for s in (train, test, validation)
    ]
    assert parts[0] is not None
    assert parts[1] is not None
    return Dataset(
        name, "classification" if classes else "regression", parts[0], parts[1], parts[2],
        train.inputs.shape[1:], classes, norm, samples.note, samples.columns, samples.target,
        answers, samples.raw_columns or tuple(map(RawColumn, samples.columns)), samples.header,
    )  # fmt: skip


def _halves(
    name: str, samples: Samples, options: dict[str, Any], rng: np.random.Generator
) -> tuple[Split, ...]:
    """Train and test split, and the validation split where the data have one."""
    whole = Split(samples.inputs, samples.targets)
    if samples.test is not None:
        halves = whole, Split(*samples.test)
    elif len(whole) < 2:
        raise DataError(f"{name} needs 2 samples at least to train and test, got {len(whole)}.")
    else:
        halves = splitting.split(
            whole, options.get("train_share", DEFAULT_SHARE), rng, samples.stratify
        )
    for part, what in zip(halves, ("train", "test"), strict=True):
        if not len(part):
            raise DataError(f"{name} has no samples in its {what} split.")
    if samples.validation is not None and len(samples.validation[0]):
        return *halves, Split(*samples.validation)
    return halves


def _finish(
    split: Split,
    norm: normalizations.Normalization,
    answers: normalizations.Normalization,
    coding: str,
) -> Split:
    """Final types: float32 inputs, int64 class indices or float32 columns."""
    t = split.targets if answers.kind == "none" else answers.apply(split.targets)
    if coding != "classes":
        t = (t if coding == "zero-one" else 2 * t - 1).astype(np.float32)
    kind = np.float32 if np.issubdtype(t.dtype, np.floating) else np.int64
    t = t if t.ndim > 1 or kind is np.int64 else t.reshape(-1, 1)
    inputs = np.ascontiguousarray(norm.apply(split.inputs), np.float32)
    return Split(inputs, np.ascontiguousarray(t, kind))
