"""One run: optimisers, schedules, batches, evaluation, and the trainer that joins them."""
