"""This period's list, with its reasons, its bound and its uncertainty."""
