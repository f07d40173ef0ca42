"""What a kernel found out about an arm, as a code; the codes are stored in arrays of eight-bit integers.

Write ``A(s, charge)`` for the advantage of acting over waiting under the optimal policy. The first three codes are nested:

* STRONG: every ``A(s, .)`` is strictly decreasing;
* STRICT: every ``A(s, .)`` has at most one zero, and changes sign there;
* WEAK: no ``A(s, .)`` is negative at one charge and positive at a higher one.

A fast kernel that meets anything unusual answers IRREGULAR, and a careful one does the arm again; a careful kernel that runs
out of digits answers ILL_CONDITIONED. Neither code leaves the index functions.
"""

STRONG, STRICT, WEAK, NOT_INDEXABLE, DIVERGENT, UNSETTLED, UNDECIDED, IRREGULAR, ILL_CONDITIONED = range(9)
