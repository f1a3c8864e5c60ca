"""Data named on the command line: a data set, a table or a folder, and options for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from graphcore import datasets
from graphcore.datasets import Option
from graphcore.errors import DataError, short
from graphcore.graph.training_settings import TrainingSettings

COLUMNS = ("target", "ignore", "id")
"""Options of a table that have a flag of their own."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="NAME|PATH",
        help="data set, table or folder of images; left out, the graph's own",
    )  # fmt: skip
    parser.add_argument("--target", metavar="COLUMN", help="column of a table to predict")
    parser.add_argument("--ignore", metavar="COLUMNS",
                        help="columns of a table to leave out, separated by commas")  # fmt: skip
    parser.add_argument("--id", metavar="COLUMN", help="column of a table that names the rows")
    parser.add_argument("--normalize", choices=datasets.NORMALIZATIONS,
                        help="what is done to the inputs")  # fmt: skip
    parser.add_argument("--option", action="append", metavar="KEY=VALUE", default=[],
                        help="any other option of the data set; may be given again")  # fmt: skip


def changes(own: TrainingSettings, options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the data options say; raises DataError."""
    found: dict[str, Any] = {}
    name, given = own.dataset, dict(own.dataset_options)
    wanted = getattr(options, "data", None)
    if wanted is not None:
        name, place = datasets.named(wanted)
        given = {**given, **place} if name == own.dataset else place
        found["dataset"] = name
    for key in COLUMNS:
        if getattr(options, key, None) is not None:
            given[key] = getattr(options, key)
    for text in getattr(options, "option", None) or ():
        key, sign, value = text.partition("=")
        if not sign:
            raise DataError(f"--option takes KEY=VALUE, not {short(text)!r}.")
        given[key.strip()] = _typed(name, key.strip(), value.strip())
    if given != own.dataset_options:
        datasets.check_options(datasets.describe(name), given)
        found["dataset_options"] = given
    if getattr(options, "normalize", None) is not None:
        found["normalization"] = options.normalize
    return found


def _typed(dataset: str, key: str, value: str) -> Any:
    """The value as the data set's option has it; text where there is no such option."""
    known = {o.name: o for o in datasets.describe(dataset).options}
    if key not in known or isinstance(known[key].default, str):
        option: Option | None = known.get(key)
        return str(Path(value).absolute()) if option is not None and option.path else value
    try:
        if isinstance(known[key].default, bool):
            return {"true": True, "false": False}[value.lower()]
        return float(value)
    except (KeyError, ValueError):
        kind = "true or false" if isinstance(known[key].default, bool) else "a number"
        raise DataError(f"--option {key} takes {kind}, not {short(value)!r}.") from None
