"""What one arm is worth in each state: one method, one file."""
