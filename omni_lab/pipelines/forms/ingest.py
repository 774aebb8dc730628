"""What the ingest pipeline may be asked."""

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob


@form("ingest", writes=("lake",))
class IngestForm:
    """What the sources that are installed have, into the store of bars."""

    sources: list[str] = knob([], "which, such as arch or skfolio; all that are installed by default")
    symbols: list[str] = knob([], "which of their symbols; all by default")

    def check(self) -> None:
        """Sources are those that are known."""
        from omni_lab.data.sources import SOURCES

        for name in self.sources:
            if name not in SOURCES:
                raise ConfigError("unknown source", found=name, expected=tuple(SOURCES), where="sources")
