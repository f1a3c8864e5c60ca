"""The fixed text of a PyTorch script, filled by ``str.format``."""

DOCS = {
    "forward": "The net's answer, and whatever else is needed to judge it.",
    "loss": "How far the answer is from what was wanted.",
}

HEAD = '''"""{name}, built with Gradscape.

    python {name}.py    runs the self-test: the same numbers as in the window, to 1e-5
"""

{json}import sys
from pathlib import Path

import torch
{functional}{safe_open}from safetensors.torch import load_file
from torch import nn

HERE = Path(__file__).parent
TRAINED = {trained}
"""How: the settings that are not Gradscape's own."""
'''

NET = """

class Net(nn.Module):
    inputs = {inputs}

    def __init__(self):
        super().__init__()
{made}"""

METHOD = '''
    def {method}({taken}):
        """{doc}"""
{lines}        return {back}
'''

LOADING = '''

def load():
    """The net with its weights, ready to be asked; call ``train()`` on it to train on."""
    net = Net(){double}
    net.load_state_dict(load_file(HERE / "{name}.safetensors"))
    return net.eval()
'''

TESTING = '''

def self_test():
    """Whether the net gives the numbers that Gradscape gave on the same inputs."""
    net, saved = load(), load_file(HERE / "{name}.selftest.safetensors")
{lines}    found = {{{found}}}
    worst = 0.0
    for name, value in found.items():
        wanted = saved[f"expected {{name}}"]
        off = float((value - wanted).abs().max() / wanted.abs().max().clamp_min(1.0))
        shown = f"{{float(value):.6f}}" if value.numel() == 1 else tuple(value.shape)
        print(f"{{name:>20}}  {{shown}}  off by {{off:.1e}}")
        worst = max(worst, off)
    print("the same" if worst <= 1e-5 else "NOT THE SAME")
    return worst <= 1e-5


if __name__ == "__main__":
    sys.exit(0 if self_test(){raw} else 1)
'''
