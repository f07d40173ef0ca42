"""Results as JSON: infinite numbers become words, because JSON has no number for them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """The value with tuples as lists and infinite numbers as words.

    Examples
    --------
    >>> plain({"a": (1.5, float("-inf"))})
    {'a': [1.5, '-infinity']}
    """
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return "-infinity" if value < 0 else "infinity"
    return value


def json_text(fields: Mapping[str, Any]) -> str:
    """Indented JSON, ending in a line break.

    Raises
    ------
    ValueError
        If a number is not a number.

    Examples
    --------
    >>> print(json_text({"mean": 1.5}), end="")
    {
     "mean": 1.5
    }
    """
    return json.dumps(plain(fields), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
