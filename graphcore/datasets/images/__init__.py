"""Images of one's own: a folder that has one folder per class, or a pair of IDX files."""

from __future__ import annotations

from graphcore.datasets import idx
from graphcore.datasets.images import folders, pixels
from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.errors import DataError


@dataset(
    "image-folder", "Folder of images", shape=None, classes=None,
    options=(Option("path", "", "Folder with one folder of images per class.", path="folder"),
             Option("size", 28, "Height and width that every image is scaled to.", 4, 512),
             Option("color", "grey", "One channel or three.", choices=tuple(pixels.MODES)),
             Option("broken", "refuse", "What becomes of files that cannot be read as images.",
                    choices=("refuse", "leave out")),
             Option("train_share", 0.8, "Share that is trained on, unless there are folders "
                    "train and test.", 0.1, 0.9)),
)  # fmt: skip
def image_folder(request: Request) -> Samples:
    """Images from a folder with one folder per class, or with such folders in train, test and val.

    Folders inside that of a class belong to it. Each image is rotated upright, laid on black where
    it is transparent, made grey or RGB, scaled to size x size (its sides are not kept in
    proportion), and divided by 255.
    """
    return folders.read(request)


@dataset(
    "idx", "IDX files", shape=None, classes=None,
    options=(Option("images", "", "File with the inputs.", path="file"),
             Option("labels", "", "File with one class number per input.", path="file"),
             Option("test_images", "", "Inputs of the test split, if in a file.", path="file"),
             Option("test_labels", "", "Their class numbers.", path="file"),
             Option("train_share", 0.8, "Share that is trained on if there are no test files.",
                    0.1, 0.9)),
)  # fmt: skip
def load_idx(request: Request) -> Samples:
    """Inputs and class numbers from a pair of IDX files, as MNIST's relatives come.

    Whole bytes are divided by 255. Images of shape (H, W) get one channel: (1, H, W).
    """
    images, labels = idx.read_pair(request.path("images"), request.path("labels"))
    test = None
    if request.options["test_images"] or request.options["test_labels"]:
        test = idx.read_pair(request.path("test_images"), request.path("test_labels"))
        if test[0].shape[1:] != images.shape[1:]:
            raise DataError(
                f"The train inputs have the shape {images.shape[1:]}, "
                f"the test inputs {test[0].shape[1:]}."
            )
    highest = max(int(t.max(initial=0)) for t in (labels, *(test or ())[1:]))
    classes = tuple(str(i) for i in range(highest + 1))
    return Samples(images, labels, test, stratify=True, classes=classes)
