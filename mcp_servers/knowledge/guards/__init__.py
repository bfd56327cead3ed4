"""Guards: a lesson as an executable rule. A guard exists only when it was seen to flag the code before a fix and to be silent after it.

`index` needs nothing but the standard library, so that a git hook can ask it before anything is imported.
"""
