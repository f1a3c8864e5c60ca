"""The commands of ``gradscape``: the one list that the entry point and the parser read.

Nothing heavy is imported here, so that the entry point may look before it opens a window.
"""

COMMANDS: dict[str, str] = {
    "train": "Train a graph and report its loss and accuracy.",
    "eval": "Score a trained net that train --out wrote.",
    "check": "Read a graph file and report what is wrong with it.",
    "grad-check": "Compare backward with finite differences.",
    "export": "Write a net for other programs.",
    "predict": "Answer raw rows or pictures with a trained net.",
    "import": "Make a graph of a PyTorch module or an exported net.",
    "report": "Write an HTML page about a run.",
    "landscape": "Compute the loss around a net's weights.",
    "bench": "Time the engine beside plain PyTorch.",
    "lesson": "Check, grade or export lessons.",
    "devices": "List the devices to compute on; --test tries each.",
    "data": "Fetch a data set.",
    "worker": "Run the engine process on standard input and output.",
    "presets": "List the graphs that ship.",
    "completion": "Print what a shell needs to complete these commands.",
    "desktop-entry": "Put the app into the desktop's menu, with its icon.",
}
"""Name of each command -> what it does, in one line."""
WINDOW_OPTIONS = ("--help", "--version", "--device", "--threads", "--precision", "--engine",
                  "--demo")  # fmt: skip
"""Options of the command that opens the window."""
