"""The fixed text of a script for Keras, filled by ``str.format``."""

HEAD = '''"""{name}, built with Gradscape; for Keras 3 with any backend.

    KERAS_BACKEND=torch python {name}.py    runs the self-test: the same numbers as in the window
"""

{json}import sys
from pathlib import Path

import keras
import numpy as np
{imported}{safe_open}from safetensors.numpy import load_file

HERE = Path(__file__).parent
TRAINED = {trained}
"""How: the settings that are not Gradscape's own."""
'''

LEARNED = '''

class Learned(layers.Layer):
    """Numbers of the net's own that no input changes; they are learned if it is trainable."""

    def __init__(self, shape, **options):
        super().__init__(**options)
        self.shape = shape

    def build(self, input_shape):
        self.value = self.add_weight(name="value", shape=self.shape)

    def call(self, x):
        return ops.convert_to_tensor(self.value)
'''

SEQUENTIAL = '''

def build():
    """The net, its weights not loaded yet."""
    return keras.Sequential(
        [
{lines}        ],
        name="{name}",
    )
'''

FUNCTIONAL = '''

def build():
    """The net, its weights not loaded yet."""
{lines}    return keras.Model({inputs}, {outputs}, name="{name}")
'''

LOADING = '''

def load():
    """The net with its weights; ``compile`` and ``fit`` train it on."""
    net, saved = build(), load_file(HERE / "{name}.safetensors")
    for weight in net.weights:
        weight.assign(saved[weight.path.removeprefix(net.name + "/")])
    return net
'''

TESTING = '''

def self_test():
    """Whether the net gives the numbers that Gradscape gave on the same inputs."""
    saved = load_file(HERE / "{name}.selftest.safetensors")
    found = load()({fed}, training=False)
    worst = 0.0
    for name, value in zip({names}, {found}, strict=True):
        wanted, value = saved["expected " + name], keras.ops.convert_to_numpy(value)
        off = float(np.abs(value - wanted).max() / max(1.0, np.abs(wanted).max()))
        print(f"{{name:>20}}  {{value.shape}}  off by {{off:.1e}}")
        worst = max(worst, off)
    print("the same" if worst <= 1e-5 else "NOT THE SAME")
    return worst <= 1e-5


if __name__ == "__main__":
    sys.exit(0 if self_test(){raw} else 1)
'''
