"""How kernels of this interpreter are started: cold, or forked by a pool that has the imports done.

A kernel leaves the user's IPython profile alone and talks over sockets in a private directory, so that two
runs at once share nothing, and it does not outlive the process that runs the notebook. ``kernel`` runs
notebooks in kernels; ``kernel_server`` is the process behind a pool.
"""

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ipykernel.kernelspec import RESOURCES
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from omni_lab.config import environment_of_process

logger = logging.getLogger(__name__)

KERNEL_NAME = "omni-lab"

_SERVER = "omni_lab.pipelines.kernel_server"
_LONGEST_SOCKET_PATH = 80  # of the 104 to 108 bytes that a Unix socket path may have
_PATIENCE_S = 30.0
_OF_EVERY_KERNEL = {
    # The order of a set must not change a result.
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # debugpy would warn about frozen modules on the terminal of whoever runs the pipeline.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
_COLD_START = """
import os, runpy, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != int(os.environ.get("JPY_PARENT_PID") or os.getppid()):
        os._exit(1)
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""

_pool: ContextVar[str | None] = ContextVar("omni_lab_kernel_pool", default=None)


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

    Attributes
    ----------
    address : str
        For processes that take kernels from this pool.

    Examples
    --------
    >>> with KernelPool():  # doctest: +SKIP
    ...     run_pipeline("backtest")
    """

    def __init__(self, address: str | None = None) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tokens: list[Token[str | None]] = []
        self.address = address or ""
        if address is None and is_possible():
            self._folder = tempfile.TemporaryDirectory(prefix="omni-pool-")
            self.address = str(Path(self._folder.name) / "pool")
            self._server = subprocess.Popen(
                # -P: the folder somebody works in is no place to import from.
                [sys.executable, "-P", "-m", _SERVER, self.address],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=_environment_of_server(),
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


def kernel_manager(private: Path, environment: Mapping[str, str]) -> AsyncKernelManager:
    """Manager of one kernel that is not started yet.

    Parameters
    ----------
    private : Path
        Directory for its sockets and its IPython profile.
    environment : mapping of str to str
        Added to the kernel's environment.
    """
    specs = _ThisInterpreter()
    specs.private, specs.overlay = private, environment
    manager = AsyncKernelManager(kernel_name=KERNEL_NAME, kernel_spec_manager=specs)
    manager.connection_file = str(private / "kernel.json")
    if sys.platform != "win32" and len(str(private)) < _LONGEST_SOCKET_PATH:
        # Free TCP ports are a race between kernels that start together; files in our own directory are not.
        manager.transport = "ipc"
        manager.ip = str(private / "kernel")
    manager.provisioner = _Provisioner(
        parent=manager, kernel_id=manager.kernel_id, kernel_spec=specs.get_kernel_spec(KERNEL_NAME)
    )
    return manager


class _ThisInterpreter(KernelSpecManager):
    """Answers every question for a kernel with this Python."""

    private: Path
    overlay: Mapping[str, str]

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-c", _COLD_START, "-f", "{connection_file}"],
            resource_dir=str(RESOURCES),
            display_name="Python 3",
            language="python",
            # Without the user's start-up files.
            env={**self.overlay, "IPYTHONDIR": str(self.private / "ipython"), **_OF_EVERY_KERNEL},
        )


class _Provisioner(LocalProvisioner):
    """Has a pool fork the kernel; starts it cold without one, and where the pool refuses or is gone."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        address, file = _pool.get(), getattr(self.parent, "connection_file", "")
        if not address:
            return await super().launch_kernel(cmd, **options)
        try:
            forked = _Forked(address, options["env"], str(options.get("cwd") or Path.cwd()), file)
        except (OSError, ValueError) as problem:
            logger.info("a kernel is started cold: %s", problem)
            return await super().launch_kernel(cmd, **options)
        self.process: Any = forked
        self.pid = self.pgid = forked.pid
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        # An idle kernel that is interrupted just before it is told to end complains on the terminal.
        if signum != signal.SIGINT or not getattr(self.parent, "shutting_down", False):
            await super().send_signal(signum)


class _Forked:
    """A kernel that a pool forked, with the part of ``Popen`` that a provisioner asks for."""

    stdin = stdout = stderr = None

    def __init__(self, address: str, environment: Mapping[str, str], cwd: str, connection_file: str) -> None:
        self.returncode: int | None = None
        self._read = b""
        self._connection = socket.socket(socket.AF_UNIX)
        request = {"environment": dict(environment), "cwd": cwd, "connection_file": connection_file}
        try:
            self._connection.settimeout(_PATIENCE_S)
            self._connection.connect(address)
            self._connection.sendall(json.dumps(request).encode() + b"\n")
            answer = self._answer()
            if answer is None or "pid" not in answer:
                raise ValueError((answer or {}).get("refused", "the pool does not answer"))
        except BaseException:
            self._connection.close()
            raise
        self.pid = int(answer["pid"])

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Send it a signal while it runs."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it at once, and what it started."""
        self._connection.close()
        self.returncode = -9

    terminate = kill

    def _end(self) -> None:
        answer = self._answer()
        # A pool that is gone has taken its kernels with it.
        self.returncode = int(answer["exit"]) if answer and "exit" in answer else -9
        self._connection.close()

    def _answer(self) -> dict[str, Any] | None:
        while b"\n" not in self._read:
            try:
                more = self._connection.recv(4096)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


def _environment_of_server() -> dict[str, str]:
    kept = {name: value for name, value in environment_of_process().items() if not name.startswith("JPY_")}
    return {**kept, **_OF_EVERY_KERNEL}
