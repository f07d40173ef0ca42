"""Problem and policy in, outcome out: two engines with one law."""
