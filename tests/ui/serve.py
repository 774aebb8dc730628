"""The film on a Panel server of its own: ``python -m tests.ui.serve dark`` prints its port and serves."""

import sys

import panel as pn

from omni_lab.ui import FrameReplay, replay_panel
from omni_lab.ui.replay.dashboard import ReplayView
from tests.ui.films import film


def main(theme: str) -> None:
    """Serve until ended."""
    frames = film().frames

    def view() -> ReplayView:
        pn.extension(theme="dark" if theme == "dark" else "default")
        return replay_panel(FrameReplay(frames), sequence=9, theme="dark" if theme == "dark" else "light")

    server = pn.serve(view, address="127.0.0.1", show=False, start=False, verbose=False)
    print(server.port, flush=True)
    server.run_until_shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
