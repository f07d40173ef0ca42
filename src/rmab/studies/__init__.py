"""Reproduced figures of papers: one file per study with its configuration, its expected numbers and its verdict."""
