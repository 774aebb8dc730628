"""How long tests run: briefly at every change, at full length where ``OMNI_LAB_LONG_TESTS`` is set."""

import os

LONG = bool(os.environ.get("OMNI_LAB_LONG_TESTS"))
