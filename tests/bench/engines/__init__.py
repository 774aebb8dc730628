"""One module an engine: the cases it can run, each a function from a market to a `Setup`.

A case prepares what a user would hold before the clock starts (frames, lists of bar objects) and returns a
set-up, which is called before each timed run and returns the work. The work goes from those arrays to the
final equity, and returns it; nothing is reused between two runs but the input.
"""

from collections.abc import Callable

Work = Callable[[], float]
Setup = Callable[[], Work]
