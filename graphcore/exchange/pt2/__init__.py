"""Files that ``torch.export.save`` wrote: a zip of JSON and raw numbers, read without torch."""
