"""Django's PostGIS backend, that does not ask a kept connection for its health before each request.

`CONN_HEALTH_CHECKS` sends a statement and waits for its answer, which is a good part of what a page costs. A server that
ends, restarts or is killed closes its end, and then there is something to read where nobody has asked anything.
"""

from __future__ import annotations

import select

from django.contrib.gis.db.backends.postgis import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for how it learns whether a connection still stands."""

    def is_usable(self) -> bool:
        """False for a connection that has ended; it is asked a question where its server has said anything unasked.

        A server that vanished without a word is learnt of by the first statement, after the times of config/databases.py.
        """
        connection = self.connection
        if connection is None or connection.closed:
            return False
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        return super().is_usable() if waiting.poll(0) else True
