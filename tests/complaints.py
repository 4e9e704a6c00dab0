"""What a server writes into its log when something is wrong with it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Complaints(logging.Handler):
    """Keeps the errors and tracebacks of all loggers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.found.append(self.format(record))


@contextmanager
def no_complaints() -> Iterator[None]:
    """Prove that the servers of this process log no error and no traceback."""
    complaints = Complaints()
    loggers = [
        logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.error")
    ]  # which do not propagate
    for logger in loggers:
        logger.addHandler(complaints)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(complaints)
    assert complaints.found == []
