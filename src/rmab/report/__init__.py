"""The report of a plan: one HTML file that opens without a network."""
