"""What the ingest pipeline may be asked."""

from omni_lab.pipelines.form import form, knob


@form("ingest", writes=("lake",))
class IngestForm:
    """What the sources that are installed have, into the store of bars."""

    sources: list[str] = knob([], "which, such as arch or skfolio; all that are installed by default")
    symbols: list[str] = knob([], "which of their symbols; all by default")
