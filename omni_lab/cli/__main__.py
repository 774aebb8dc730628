"""``python -m omni_lab.cli`` is the ``omni`` command."""

from omni_lab.cli import main

main()
