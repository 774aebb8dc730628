"""A pool of warm kernels: kernels with the common imports done, for whoever runs several notebooks.

``kernel_server`` is the process that it keeps, ``kernels`` takes kernels from it. Nothing heavy is imported.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Self

from omni_lab.config import environment_of_process

IMPORTED = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "duckdb",
    "matplotlib.pyplot",
    "IPython.core.display",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "omni_lab.figures",
    "omni_lab.pipelines",
    "omni_lab.simulator",
    "omni_lab.store",
)
"""What notebooks of ours import; whatever of it is not installed is passed over."""

_SERVER = "omni_lab.pipelines.kernel_server"
_PATIENCE_S = 30.0
OF_EVERY_KERNEL = {
    # The order of a set must not change a result.
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # debugpy would warn about frozen modules on the terminal of whoever runs the pipeline.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
"""What the environment of every kernel says, cold or warm."""

_pool: ContextVar[str | None] = ContextVar("omni_lab_kernel_pool", default=None)


def pool_in_use() -> str | None:
    """Address of the pool that notebooks run here take their kernels from; None for cold kernels."""
    return _pool.get()


class KernelPool:
    """Kernels with the common imports done, each used once.

    While it is open, notebooks that this thread runs take their kernels from it. A kernel of a pool differs
    from a cold one only in what it need not import. One whose environment differs in what an import may have
    read, or that would run sources which have changed since, is started cold; so is every one where there is
    no Linux.

    Parameters
    ----------
    address : str, optional
        Of a pool that another process keeps; by default one is made, and ended on leaving.
    imported : sequence of str, optional
        Modules that are imported ahead; what notebooks of ours import by default.

    Attributes
    ----------
    address : str
        For processes that take kernels from this pool.

    Examples
    --------
    >>> with KernelPool():  # doctest: +SKIP
    ...     run_pipeline("backtest")
    """

    def __init__(self, address: str | None = None, *, imported: Sequence[str] | None = None) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tokens: list[Token[str | None]] = []
        self.address = address or ""
        if address is None and is_possible():
            self._folder = tempfile.TemporaryDirectory(prefix="omni-pool-")
            self.address = str(Path(self._folder.name) / "pool")
            self._server = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    _SERVER,
                    self.address,
                    *(IMPORTED if imported is None else imported),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=_environment_of_server(),
                # The folder somebody works in is no place to import from, and this one is empty.
                cwd=self._folder.name,
                start_new_session=True,
            )

    def wait(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Wait until the imports are done; False if they are not within the time, or the pool is dead."""
        until = time.monotonic() + timeout_s
        while self.address and time.monotonic() < until:
            if Path(self.address).exists():
                return True
            if self._server is not None and self._server.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def close(self) -> None:
        """End the pool, and what kernels of it still run."""
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
            self._server.wait()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        self._tokens.append(_pool.set(self.address or None))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _pool.reset(self._tokens.pop())
        self.close()


def is_possible() -> bool:
    """Whether this system can fork kernels safely."""
    return sys.platform == "linux"


def _environment_of_server() -> dict[str, str]:
    kept = {name: value for name, value in environment_of_process().items() if not name.startswith("JPY_")}
    if "PYTHONPATH" in kept:
        # It starts in another folder. A kernel for which this is another path is started cold.
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept["PYTHONPATH"].split(os.pathsep)))
    return {**kept, **OF_EVERY_KERNEL}
