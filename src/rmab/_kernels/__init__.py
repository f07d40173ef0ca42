"""Compiled kernels: arrays in, arrays out; serial, nogil, cached; nothing else of the library is imported here."""
