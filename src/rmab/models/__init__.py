"""What a problem is: arms, budgets, criteria, and the problem that joins them."""
