"""Several processes on one port: started, looked after, replaced one by one, and stopped together.

They share the sockets on which they listen, and those stay open here: whoever connects while one process
stops is served by another, and nobody is refused in between.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from api.server import port_of, say_where
from api.settings import Settings
from models.refusals import Refusal

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 30.0
"""A worker that says nothing for so long is stuck; it says that it is alive each second."""

PAUSE_SECONDS = 0.5
STOP_SECONDS = 4.0
"""How much longer a worker may take to stop than answers may."""


class CannotListen(Refusal):
    """The address is taken, or not one of this machine."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} cannot be listened on; choose another host or port.")


class WorkerProcess:
    """A running worker; `is_up` is decided when it serves or has ended; `ended` is done when it has."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.is_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.create_task(self._watch())
        self._process = process
        self._is_retired = False

    def retire(self) -> None:
        """Have it stop in good order."""
        self._is_retired = True
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        logger.error("Worker %s does not stop, ending it by force", self.pid)
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _watch(self) -> None:
        while await self._is_alive():
            if not self.is_up.done():
                self.is_up.set_result(True)
        code = await self._process.wait()
        if not self.is_up.done():
            self.is_up.set_result(False)
        if not self._is_retired:
            logger.warning("Worker %s has ended with %s", self.pid, code)

    async def _is_alive(self) -> bool:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        try:
            return bool(await asyncio.wait_for(self._process.stdout.read(1024), SILENCE_SECONDS))
        except TimeoutError:
            if not self._is_retired:
                self.kill()
            return True


class Supervisor:
    """The workers of one port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._descriptors: Sequence[int] = ()
        self._current: list[WorkerProcess] = []
        self._living: set[WorkerProcess] = set()
        self._changing = asyncio.Lock()
        self._is_asked_to_replace = asyncio.Event()
        self._is_asked_to_stop = asyncio.Event()

    async def run(self) -> bool:
        """Serve until a signal says to stop; return whether the workers could be started.

        Raises:
            CannotListen: The address is taken, or not one of this machine.
        """
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        try:
            # The workers listen, this process only holds the sockets.
            server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        except OSError as error:
            raise CannotListen(host, port) from error
        self._descriptors = [bound.fileno() for bound in server.sockets]
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._is_asked_to_stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._is_asked_to_replace.set)
        try:
            if not await self._start_all():
                return self._is_asked_to_stop.is_set()
            say_where(host, port_of(server), credentials=None)
            await self._look_after()
        finally:
            await self._stop_all()
            server.close()
        return True

    async def _start_all(self) -> bool:
        """Start the workers; return whether all of them serve, and none was asked to stop."""
        self._current = [await self._start() for _ in range(self._settings.workers)]
        asked = asyncio.create_task(self._is_asked_to_stop.wait())
        for worker in self._current:
            up = asyncio.ensure_future(worker.is_up)
            await asyncio.wait((up, asked), return_when=asyncio.FIRST_COMPLETED)
            if asked.done() or not up.result():
                break
        asked.cancel()
        return all(worker.is_up.done() and worker.is_up.result() for worker in self._current)

    async def _look_after(self) -> None:
        work = [self._keep(place) for place in range(len(self._current))]
        tasks = [asyncio.create_task(one) for one in (*work, self._replace_for_ever())]
        await self._is_asked_to_stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _keep(self, place: int) -> None:
        """Start another worker when the one of this place has ended, unless it was replaced."""
        while True:
            worker = self._current[place]
            await asyncio.wait({worker.ended})
            if worker is self._current[place]:
                await asyncio.sleep(PAUSE_SECONDS)
            with _starting():
                async with self._changing:
                    if worker is self._current[place]:
                        self._current[place] = await self._start()

    async def _replace_for_ever(self) -> None:
        while True:
            await self._is_asked_to_replace.wait()
            self._is_asked_to_replace.clear()
            with _starting():
                for place in range(len(self._current)):
                    await self._replace(place)

    async def _replace(self, place: int) -> None:
        """Stop the worker of a place as soon as a new one serves.

        Raises:
            OSError: The new one does not start.
        """
        worker = await self._start()
        if not await worker.is_up:
            raise ChildProcessError("it ended at once")
        async with self._changing:
            old, self._current[place] = self._current[place], worker
        await self._stop([old])

    async def _start(self) -> WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "api.worker", *map(str, self._descriptors)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=self._descriptors,
            start_new_session=True,  # Ctrl-C is for this process, which tells the workers
        )
        assert process.stdin is not None  # noqa: S101  it is a pipe
        process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        worker = WorkerProcess(process)
        self._living.add(worker)
        worker.ended.add_done_callback(lambda _task: self._living.discard(worker))
        return worker

    async def _stop_all(self) -> None:
        while self._living:
            await self._stop(list(self._living))

    async def _stop(self, workers: Sequence[WorkerProcess]) -> None:
        for worker in workers:
            worker.retire()
        ended = {worker.ended for worker in workers}
        _, late = await asyncio.wait(ended, timeout=self._settings.graceful_seconds + STOP_SECONDS)
        for worker in workers:
            if worker.ended in late:
                worker.kill()
                await worker.ended


@contextmanager
def _starting() -> Iterator[None]:
    """Log why a worker does not start; those that serve are kept."""
    try:
        yield
    except OSError as error:
        logger.error("A new worker does not start: %s", error)  # noqa: TRY400  the operating system's own no
