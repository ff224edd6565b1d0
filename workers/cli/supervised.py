"""Ends a process with the supervisor that started it, however that ended."""

import os
import signal
import threading
import time
from typing import Final

_SUPERVISOR: Final = "HANDOFF_SUPERVISOR"
_LOOK_S: Final = 1.0
_END_S: Final = 10.0


def end_with_supervisor() -> None:
    """End this process when the one that started it is gone; without one, do nothing."""
    supervisor = os.environ.get(_SUPERVISOR)
    if supervisor is None:
        return

    def watch() -> None:
        while os.getppid() == int(supervisor):
            time.sleep(_LOOK_S)
        # In order, if that is possible: the servers may be gone as well.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_END_S)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
