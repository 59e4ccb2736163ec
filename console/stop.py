"""Being asked to stop, whatever the signal."""

import contextlib
import signal
from collections.abc import Iterator

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """How urgently we were asked to stop: the first signal interrupts, a second one stops the waiting."""

    def __init__(self) -> None:
        self.hurried = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in the block at the first SIGINT, SIGTERM or SIGHUP.

        Also where these were ignored, as a shell does for what it starts in the background.
        """
        before = {number: signal.signal(number, self._first) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _first(self, *_: object) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, self._again)
        raise KeyboardInterrupt

    def _again(self, *_: object) -> None:
        self.hurried = True
