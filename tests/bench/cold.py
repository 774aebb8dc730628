"""From a cold interpreter to the first final equity: the least that a script with an engine has to do."""

import importlib
import sys
from pathlib import Path

import market

engine_name, case, data = sys.argv[1:]
module, _, variant = engine_name.partition(".")
engine = importlib.import_module(f"engines.{module}")
cases = getattr(engine, variant) if variant else engine
print(getattr(cases, case)(market.load(Path(data)))()())
