"""A table behind SQLAlchemy: a few connections, made by the first questions after the fork, and one query.

Each question has a deadline, with all that it needs: a free connection of ours, a new one, an answer. What goes wrong
is told in the driver's words; those of SQLAlchemy would hold the query and its parameters.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as AllInUse
from sqlalchemy.pool import QueuePool

from relaymilter.lookups import deadline
from relaymilter.lookups.guard import KeyFailed
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import query

DEADLINE = 1.8
"""Seconds for a question."""
FREE_WITHIN = 0.9
"""Seconds of these to wait for a connection of ours that is free."""
AGAIN_WITHIN = 0.4
"""Seconds after which a question is not asked again on a new connection, where the one that it had was dead."""
KEPT, MORE = 4, 4
"""Connections that are kept, and that are opened beyond these for a while."""


class SqlTable:
    """Asked by its query, over connections that `connect` makes."""

    waits = True

    def __init__(self, name: str, dialect: str, connect: Callable[[], Any], statement: str) -> None:
        self.name = name
        self._statement = sqlalchemy.text(query.escaped(statement))
        self._proved = False
        self._engine = sqlalchemy.create_engine(
            f"{dialect}://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=KEPT,
            max_overflow=MORE,
            pool_timeout=FREE_WITHIN,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )

    def find(self, key: str) -> str | None:
        """The first column of the rows that the query gives for this key. Raises LookupFailed."""
        if not query.bindable(key):
            return None
        deadline.begin(DEADLINE)
        try:
            return self._find(key)
        except AllInUse:
            raise LookupFailed(f"all {KEPT + MORE} connections are in use") from None
        except DataError as error:
            raise KeyFailed(_in_words(error)) from None
        except (SQLAlchemyError, OSError) as error:
            raise LookupFailed(_in_words(error)) from None

    def _find(self, key: str) -> str | None:
        try:
            return self._ask(key)
        except DBAPIError as error:
            if not error.connection_invalidated or deadline.left() < DEADLINE - AGAIN_WITHIN:
                raise
        return self._ask(key)  # the server was restarted, or had closed an idle connection

    def _ask(self, key: str) -> str | None:
        with self._engine.connect() as connection:
            try:
                if not self._proved:
                    self._prove(connection)
                return query.answer(self._rows(connection, key))
            except (DataError, ProgrammingError):
                raise
            except BaseException:
                connection.invalidate()  # or the next question might get the answer to this one
                raise

    def _prove(self, connection: Any) -> None:
        """Once in each process: the query does not say yes to everything."""
        with contextlib.suppress(DataError):  # it is no address, say, and was refused as such
            query.refuse_yes_to_all(self._rows(connection, query.NOBODY))
        self._proved = True

    def _rows(self, connection: Any, key: str) -> Sequence[Sequence[object]]:
        result = connection.execute(self._statement, {"key": key})
        if not result.returns_rows:
            raise LookupFailed("the query is no SELECT, or one without a column")
        rows: Sequence[Sequence[object]] = result.fetchmany(query.MOST_ROWS)
        result.close()
        return rows


def _in_words(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error) or type(error).__name__
