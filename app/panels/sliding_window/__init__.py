"""What an output pixel of a convolution or pooling is made of."""
