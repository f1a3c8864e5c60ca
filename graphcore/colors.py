"""Colours that mean the same on the canvas, in the plots and in a report."""

CATEGORY_COLORS = {
    "source": "#3870de",
    "elementwise": "#977bdf",
    "linear": "#079b88",
    "convolution": "#c87609",
    "pooling": "#8d7103",
    "activation": "#c54966",
    "normalization": "#4c9a30",
    "reduction": "#8b9164",
    "shape": "#7f8dad",
    "attention": "#b650bd",
    "recurrent": "#007fa0",
    "loss": "#f65357",
    "composite": "#747474",
}
"""Found by a search for the largest distance in OKLab, with and without red or green cones."""

SEQUENTIAL = ("#0b0f2e", "#173a74", "#12698a", "#2a9779", "#8cbf4e", "#fbe96a")
"""Dark navy over teal to yellow: lightness only rises, so it reads without any colour."""
