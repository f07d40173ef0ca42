"""What a whole problem is worth: upper bounds on any policy, and the exact optimum of tiny problems."""
