"""The log of a serving process, written by a thread of its own."""

from __future__ import annotations

import logging
import logging.handlers
import queue

_ROOT_LOG = "tfgan_survey.serving"


class _QueueHandler(logging.handlers.QueueHandler):
    """Hands records over unformatted, so that the request's thread pays for an append only."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


class LoggingOffTheHotPath:
    """Within the block the package's log goes to stderr through a thread of its own."""

    def __enter__(self):
        stream = logging.StreamHandler()
        stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        records: queue.SimpleQueue = queue.SimpleQueue()
        self._handler = _QueueHandler(records)
        self._listener = logging.handlers.QueueListener(records, stream)
        self._listener.start()
        logger = logging.getLogger(_ROOT_LOG)
        self._before = (logger.level, logger.propagate)
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return self

    def __exit__(self, *exc_info) -> None:
        logger = logging.getLogger(_ROOT_LOG)
        logger.removeHandler(self._handler)
        logger.level, logger.propagate = self._before
        self._listener.stop()
