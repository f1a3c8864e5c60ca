"""Tables from text files (CSV): numbers and words in columns, one sample per row.

What reads them is imported with the first table: it is much, and the window starts without it.
"""

from __future__ import annotations

from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.datasets.table import text as texts


@dataset(
    "csv", "Table (CSV)", task=None, shape=None, classes=None,
    options=(Option("path", "", "Text file with a row per line.", path="file"),
             Option("target", "", "Column to predict; proposed if empty.", names="one"),
             Option("ignore", "", "Columns that are left out, separated by commas.",
                    names="several"),
             Option("id", "", "Column that only names the rows.", names="one"),
             Option("task", "auto", "auto: words or few whole numbers in the target are classes.",
                    choices=("auto", "classification", "regression")),
             Option("header", "auto", "Whether the first row names the columns.",
                    choices=texts.HEADERS),
             Option("delimiter", "auto", "Separator of the columns.",
                    choices=("auto", *texts.DELIMITERS)),
             Option("decimal", "auto", "Decimal separator of the numbers.",
                    choices=("auto", "point", "comma")),
             Option("encoding", "auto", "How the file writes its characters.",
                    choices=texts.ENCODINGS),
             Option("gaps", "", "Further words that mean no value, such as -999, unknown."),
             Option("missing", "refuse", "What becomes of rows with a missing value.",
                    choices=("refuse", "leave out")),
             Option("train_share", 0.8, "Share that is trained on.", 0.1, 0.9)),
)  # fmt: skip
def load_csv(request: Request) -> Samples:
    """A table from a text file: one column is predicted from all the others.

    Columns of numbers are taken as they are, however they are written (1.000,50 or 12 kg or
    5 %). A column of words becomes one column of 0 and 1 per word. Columns that number or name
    the rows, dates and empty columns are left out. Missing values (nothing, ?, NA, #N/A, -, .,
    NaN, null, none) are refused or their rows left out. The note says what was understood.
    """
    from graphcore.datasets.table import samples

    return samples.read(request)
