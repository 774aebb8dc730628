"""How kernels of this interpreter are started: cold, or forked by a pool that has the imports done.

A kernel leaves the user's IPython profile alone and talks over sockets in a private directory, so that two
runs at once share nothing, and it does not outlive the process that runs the notebook. ``kernel`` runs
notebooks in kernels; ``kernel_pool`` keeps the pool.
"""

import json
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import RESOURCES
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from omni_lab.pipelines.kernel_pool import OF_EVERY_KERNEL, pool_in_use

logger = logging.getLogger(__name__)

KERNEL_NAME = "omni-lab"

_LONGEST_SOCKET_PATH = 80  # of the 104 to 108 bytes that a Unix socket path may have
_PATIENCE_S = 30.0
_COLD_START = """
import os, runpy, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != int(os.environ.get("JPY_PARENT_PID") or os.getppid()):
        os._exit(1)
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""


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


def end_kernel(manager: AsyncKernelManager) -> None:
    """End a kernel that its client has left alive, as an interrupted one does before the kernel answers.

    When this returns the kernel is gone, and writes nothing into its directory any more.
    """
    process = getattr(manager.provisioner, "process", None)
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait(_PATIENCE_S)
        manager.context.destroy(linger=0)


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
            env={**self.overlay, "IPYTHONDIR": str(self.private / "ipython"), **OF_EVERY_KERNEL},
        )


class _Provisioner(LocalProvisioner):
    """Has a pool fork the kernel; starts it cold without one, and where the pool refuses or is gone."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        address, file = pool_in_use(), getattr(self.parent, "connection_file", "")
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
