"""Matrix multiplication that adds to its target, from inside a kernel.

SciPy exports the BLAS it is built with for compiled code. Its ``dgemm`` is registered under a name of ours, so that a kernel
which calls it can be cached and finds it in the next process too. How many threads it uses is the BLAS library's setting.
"""

from typing import Any

import llvmlite.binding
import numpy as np
from numba import njit, types
from numba.extending import get_cython_function_address

llvmlite.binding.add_symbol("rmab_dgemm", get_cython_function_address("scipy.linalg.cython_blas", "dgemm"))
_dgemm: Any = types.ExternalFunction("rmab_dgemm", types.void(*[types.uintp] * 13))


@njit(nogil=True, cache=True)
def add_product(a, b, target):
    """``target += a.T @ b`` for C-ordered ``a`` (p, m), ``b`` (p, n) and ``target`` (m, n), of which leading blocks are used.

    The sizes are those of ``target``'s first axis and of ``b``; each array may be a block of leading rows and columns of a
    larger one, so that its rows lie further apart than its width.
    """
    sizes = np.array([b.shape[1], target.shape[0], b.shape[0]], np.int32)
    leading = np.array([b.strides[0] // 8, a.strides[0] // 8, target.strides[0] // 8], np.int32)
    flags = np.array([78, 84], np.uint8)  # N, T: BLAS reads C-ordered arrays as their transposes
    one = np.ones(1)
    letter, size, distance, factor = flags.ctypes.data, sizes.ctypes.data, leading.ctypes.data, one.ctypes.data
    _dgemm(letter, letter + 1, size, size + 4, size + 8, factor, b.ctypes.data, distance, a.ctypes.data, distance + 4,
           factor, target.ctypes.data, distance + 8)  # fmt: skip
    return flags.size + sizes.size + leading.size + one.size  # read after the call, so that none is freed before it
