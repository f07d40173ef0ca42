"""What can go wrong, by name.

Every error of the library derives from :class:`RmabError`. A message says what is wrong, where (the first offending file, row,
arm, action or state) and what to do about it. The command line prints the message on one line and exits with code 2.
"""


class RmabError(Exception):
    """Base of all errors raised on purpose by the library."""


class ModelError(RmabError, ValueError):
    """A model, criterion, policy or argument that is not well formed."""


class InfeasibleBudget(RmabError, ValueError):
    """A budget that no choice of actions can meet."""


class InfeasiblePenalty(InfeasibleBudget):
    """Penalty bounds that no policy meets, alone or together under the budget."""


class TooManyBeliefs(ModelError):
    """A belief space that outgrows the number of beliefs it was allowed."""


class LogError(RmabError, ValueError):
    """A log that cannot be read, or rows of it that contradict each other."""


class StoreError(RmabError, ValueError):
    """A saved file that is damaged, of another kind, or of a newer schema."""


class NotConverged(RmabError, RuntimeError):
    """An iteration that stopped at its limit before it met its stopping rule."""


class FluidGapWarning(UserWarning):
    """A priority policy that stays below the bound however many arms there are."""


class CapWarning(UserWarning):
    """A cap on multipliers that binds at the price of the problem: some arms buy their requirement off."""
