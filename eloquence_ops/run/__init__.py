"""A run: which probes, in what order, how long; recording it and judging a recording again."""
