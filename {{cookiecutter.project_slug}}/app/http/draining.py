"""Whether this process is about to stop: it still answers, and load balancers should send requests elsewhere."""

from threading import Event

DRAINING = Event()
