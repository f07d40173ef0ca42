"""Figures of plans and estimates; matplotlib is imported only when one is drawn."""
