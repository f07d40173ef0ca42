"""From states to actions under the budget."""
