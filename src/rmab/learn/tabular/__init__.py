"""Learners that keep a table: one learner, one file."""
