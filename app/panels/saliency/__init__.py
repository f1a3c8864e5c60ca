"""Which part of the picture the answer rests on."""
