"""Whether this process is about to stop: it still answers, and load balancers should send requests elsewhere."""


class Flag:
    """Set once, for good, by the handler of a signal.

    Another signal may interrupt that handler. `threading.Event` would then wait for its own lock for ever.
    """

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        """Whether it is."""
        return self._is_set

    def set(self) -> None:
        """Set it."""
        self._is_set = True


DRAINING = Flag()
