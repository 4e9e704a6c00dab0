"""What the servers of this process write into the log when something is wrong with them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_complaints() -> Iterator[None]:
    """Prove that no error and no traceback is logged, by whatever logger, wherever it goes."""
    found: list[str] = []
    make = logging.getLogRecordFactory()

    def watched(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        if record.levelno >= logging.ERROR or record.exc_info:
            found.append(logging.Formatter().format(record))
        return record

    logging.setLogRecordFactory(watched)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)
    assert found == []
