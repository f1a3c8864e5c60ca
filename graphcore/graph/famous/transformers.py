"""Transformers of the usual base size: ViT-B/16 over pictures, GPT-2 over words.

Both have 12 blocks of width 768.

Source:
    Dosovitskiy et al., ICLR 2021, with torchvision's names; Radford et al., Language models are
    unsupervised multitask learners, 2019, with the names of its published weights.
"""

from __future__ import annotations

from collections.abc import Callable

from graphcore.graph.famous.chain import CLASSES, PICTURE, Chain
from graphcore.graph.graph import Graph

WIDTH, BLOCKS, HEADS = 768, 12, 12
HIDDEN = 4 * WIDTH
PATCH, PATCHES = 16, 14 * 14
WORDS, PLACES = 50257, 1024
"""Of GPT-2: words that it knows, and places in its longest text."""
SHOWN = 64
"""Words that go in at first; up to ``PLACES`` with the attributes of x and place."""
SMALL = "normal(0, 0.02)"


def vit_b_16() -> Graph:
    """Return ViT-B/16: a picture as 196 patches, one more place for the answer.

    That place is put before the others by a border of zeros, to which its learned vector is
    added.
    """
    net = Chain(PICTURE)
    net.layer("Conv2d", "conv_proj", out_channels=WIDTH, kernel_size=PATCH, stride=PATCH)
    net.layer("Flatten", "flatten", start_dim=2)
    net.layer("Permute", "patches", dims=(0, 2, 1))
    patches = net.layer("Pad", "room", pad=(0, 0, 1, 0))
    token = net.parameter("class_token", (1, 1, WIDTH), "zeros")
    first = net.layer("Pad", "first_place", token, pad=(0, 0, 0, PATCHES))
    net.layer("Add", "with_token", patches, first)
    net.block("encoder", "Encoder", _encoder)
    net.layer("Slice", "answer_place", dim=1, end=1)
    net.layer("Flatten", "answer")
    net.block(
        "heads",
        "Sequential",
        lambda inner: inner.layer(
            "Linear", "head", out_features=CLASSES, starts={"weight": "zeros", "bias": "zeros"}
        ),
    )
    return net.finish()


def _encoder(inner: Chain) -> None:
    place = inner.parameter("pos_embedding", (1, PATCHES + 1, WIDTH), SMALL)
    inner.layer("Add", "add", "x", place)
    inner.layer("Dropout", "dropout", p=0.0)
    inner.block("layers", "Sequential", _vit_blocks)
    inner.layer("LayerNorm", "ln", normalized_shape=WIDTH, eps=1e-6)


def _vit_blocks(inner: Chain) -> None:
    for i in range(BLOCKS):
        inner.block(f"encoder_layer_{i}", "EncoderBlock", _vit_block)


def _vit_block(inner: Chain) -> None:
    inner.layer("LayerNorm", "ln_1", normalized_shape=WIDTH, eps=1e-6)
    inner.layer("MultiheadAttention", "self_attention", num_heads=HEADS)
    inner.layer("Add", "add_1", "self_attention", "x")
    inner.layer("LayerNorm", "ln_2", normalized_shape=WIDTH, eps=1e-6)

    def mlp(chain: Chain) -> None:
        chain.layer("Linear", "_0", out_features=HIDDEN, starts={"weight": "xavier_uniform"})
        chain.layer("GELU", "_1")
        chain.layer("Linear", "_3", out_features=WIDTH, starts={"weight": "xavier_uniform"})

    inner.block("mlp", "MLPBlock", mlp)
    inner.layer("Add", "add_2", "add_1", "mlp")


def gpt2(blocks: int = BLOCKS) -> Graph:
    """Return GPT-2 of 124 million parameters: which word comes after these.

    The table of words is the last layer's weight too.
    """
    net = Chain((SHOWN,), dtype="int")
    table = net.parameter("wte_weight", (WORDS, WIDTH), SMALL)
    words = net.layer("Embedding", "wte", num_embeddings=WORDS, embedding_dim=WIDTH)
    net.graph.connect(table, "wte", input="weight")
    place = net.graph.add("Constant", name="place", value=tuple(range(SHOWN)), dtype="int").name
    places = net.layer(
        "Embedding", "wpe", place, num_embeddings=PLACES, embedding_dim=WIDTH,
        starts={"weight": SMALL},
    )  # fmt: skip
    net.layer("Add", "add", words, places)
    net.block("h", "ModuleList", _gpt_blocks(blocks))
    net.layer("LayerNorm", "ln_f", normalized_shape=WIDTH)
    net.layer("Slice", "last_place", dim=1, start=-1)
    net.layer("Flatten", "last_word")
    net.layer("Linear", "lm_head", out_features=WORDS, bias=False)
    net.graph.connect(table, "lm_head", input="weight")
    return net.finish(classes=WORDS, below=WORDS)


def _gpt_blocks(blocks: int) -> Callable[[Chain], None]:
    def fill(inner: Chain) -> None:
        for i in range(blocks):
            inner.block(f"_{i}", "Block", _gpt_block)

    return fill


def _gpt_block(inner: Chain) -> None:
    inner.layer("LayerNorm", "ln_1", normalized_shape=WIDTH)
    inner.block("attn", "CausalSelfAttention", _attention)
    inner.layer("Add", "add_1", "x", "attn")
    inner.layer("LayerNorm", "ln_2", normalized_shape=WIDTH)

    def mlp(chain: Chain) -> None:
        chain.layer("Linear", "c_fc", out_features=HIDDEN, starts={"weight": SMALL})
        chain.layer("GELU", "gelu", approximate="tanh")
        chain.layer("Linear", "c_proj", out_features=WIDTH, starts={"weight": SMALL})

    inner.block("mlp", "MLP", mlp)
    inner.layer("Add", "add_2", "add_1", "mlp")


def _attention(inner: Chain) -> None:
    """Queries, keys and values from one layer, in heads side by side."""
    inner.layer("Linear", "c_attn", out_features=3 * WIDTH, starts={"weight": SMALL})
    inner.layer("Reshape", "heads", shape=(0, -1, 3, HEADS, WIDTH // HEADS))
    inner.layer("Permute", "turned", dims=(0, 2, 3, 1, 4))
    parts = []
    for i, name in enumerate(("query", "key", "value")):
        inner.layer("Slice", f"{name}_cut", "turned", dim=1, start=i, end=i + 1)
        parts.append(inner.layer("Squeeze", name, dim=1))
    inner.layer("ScaledDotProductAttention", "attention", *parts, is_causal=True)
    inner.layer("Permute", "turned_back", dims=(0, 2, 1, 3))
    inner.layer("Flatten", "joined", start_dim=2)
    inner.layer("Linear", "c_proj", out_features=WIDTH, starts={"weight": SMALL})


NETS = {"vit_b_16": vit_b_16, "gpt2": gpt2}
