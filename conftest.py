"""Kernels compiled for a test run are kept per state of the kernel sources.

numba's on-disk cache looks at the file of the compiled function only, so an edit to a kernel that is called from another file
would leave the caller stale. The cache folder is therefore named after a hash of all kernel sources, before numba is imported.
"""

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent


def kernel_hash(folder: Path) -> str:
    """A hash of the names and contents of the Python files in ``folder``."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


if "numba" in sys.modules:
    raise RuntimeError("numba was imported before conftest.py could name its cache folder")
os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".numba_cache" / kernel_hash(ROOT / "src" / "rmab" / "_kernels"))
