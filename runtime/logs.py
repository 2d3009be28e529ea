"""Logging of every long-lived process: one line an event, and never a local variable, since those can hold secrets."""

import logging
import sys

import structlog


def configure() -> None:
    """Lines for people on a terminal, JSON elsewhere; tracebacks without locals. Call it after libraries that set up logging."""
    terminal = sys.stdout.isatty()
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, colors=terminal)
    render: list[structlog.typing.Processor] = (
        [plain] if terminal else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
