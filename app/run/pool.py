"""Work shared among processes, in order; one that dies is noticed at once, and said.

A process and the one it works for share a pipe that nobody else holds. If either is killed,
also in the middle of a message, the other finds the pipe closed: nothing waits for ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from engine.terms.faults import EngineFault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 16
"""Tasks that a process is given at a time."""

AHEAD = 4
"""Chunks a process that may be worked out and not yet taken: they must fit in memory."""


class ProcessDied(Exception):
    """A process ended before its work was done: it was killed, or could not start."""


def processes_for(jobs: int | None, count: int, many: int) -> int:
    """How many processes: as asked; else as many as help from `many` tasks on."""
    cores = os.cpu_count() or 1
    return max(1, min(jobs or (cores if count >= many else 1), count, 4 * cores))


def in_processes(
    start: Callable[..., Callable[[T], R]],
    arguments: tuple[Any, ...],
    tasks: Sequence[T],
    processes: int,
) -> Iterator[R]:
    """What several processes make of each task, in order.

    Each calls `start(*arguments)` once, and the function that this gives for every task.
    Raises: ProcessDied; EngineFault and OSError, where a task raised it, after all before it.
    """
    from multiprocessing import get_context
    from multiprocessing.connection import wait

    context = get_context("spawn")  # the engine's state cannot cross over
    idle: list[Any] = []
    started = []
    at_work: dict[Any, int] = {}
    done: dict[int, tuple[list[R], Exception | None]] = {}
    chunks = range(0, len(tasks), CHUNK)
    given = taken = 0
    try:
        for _ in range(processes):
            here, there = context.Pipe()
            idle.append(here)
            process = context.Process(target=_serve, args=(there, start, arguments), daemon=True)
            process.start()
            started.append(process)
            there.close()
        while taken < len(chunks):
            while idle and given < len(chunks) and given - taken < AHEAD * processes:
                one = idle.pop()
                at_work[one] = given
                _send(one, tasks[chunks[given] : chunks[given] + CHUNK])
                given += 1
            if taken in done:
                found, failed = done.pop(taken)
                yield from found
                if failed is not None:
                    raise failed
                taken += 1
                continue
            for one in wait(list(at_work)):
                done[at_work.pop(one)] = _received(one)
                idle.append(one)
    finally:
        for one in (*idle, *at_work):
            one.close()  # they end with what they are at
        for process in started:
            process.join()


def _send(one: Connection, tasks: Sequence[Any]) -> None:
    try:
        one.send(tasks)
    except OSError:
        raise ProcessDied from None


def _received(one: Any) -> Any:
    try:
        return one.recv()
    except (EOFError, OSError):
        raise ProcessDied from None


def _serve(
    there: Connection, start: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> None:
    """What a process does until nobody gives it work."""
    from signal import SIG_IGN, SIGINT, signal

    signal(SIGINT, SIG_IGN)  # whoever gave the work says when it is over
    try:
        try:
            work = start(*arguments)
        except EngineFault as fault:
            there.send(([], fault))
            return
        while (tasks := _taken(there)) is not None:
            there.send(_worked(work, tasks))
    except BrokenPipeError:
        pass  # nobody waits for it any more
    except Exception:
        # Left alone, it would be printed with the values that it speaks of, which may be a
        # patient's, from a process that nobody watches. The other side sees that this one ended:
        # nothing was decided, which it says in one line, with exit code 3.
        if os.environ.get("ELIGO_DEBUG"):
            raise
        os._exit(1)


def _taken(there: Connection) -> Sequence[Any] | None:
    try:
        tasks: Sequence[Any] = there.recv()
    except (EOFError, OSError):
        return None  # it is over
    return tasks


def _worked(
    work: Callable[[Any], Any], tasks: Sequence[Any]
) -> tuple[list[Any], EngineFault | OSError | None]:
    found: list[Any] = []
    try:
        for task in tasks:
            found.append(work(task))
    except (EngineFault, OSError) as error:
        return found, error
    return found, None
