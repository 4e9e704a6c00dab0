"""Statements, compiled once for each engine and run with values by name.

SQLAlchemy is the language in which they are written, and its dialects translate it. They are run by the
drivers themselves: for one row by its key SQLAlchemy's engine takes ten times as long as the driver.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import BindParameter, Dialect, String, bindparam
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

from models.instant import to_datetime

Record: TypeAlias = Any
"""One row: a sequence whose columns are attributes as well, unless its statement leaves them bare."""

Values: TypeAlias = Mapping[str, Any]
Process: TypeAlias = Callable[[Any], Any]


class _Given:
    """What stands for a value until it is given; no driver takes it."""


def given(name: str, type_: type[TypeEngine[Any]] = String) -> BindParameter[Any]:
    """Return the value of this name, which must be given when the statement is run."""
    return bindparam(name, _Given, type_)


class _Place(NamedTuple):
    """Where a value goes: its name, what it is unless it is given, and how the driver wants it."""

    name: str
    default: Any
    process: Process | None


class Compiled(NamedTuple):
    """A statement in the SQL of one driver; `processes` are of the columns that the driver leaves raw."""

    sql: str
    places: Sequence[_Place]
    record: Callable[[Iterable[Any]], Record]
    processes: Sequence[tuple[int, Process]]
    is_bare: bool
    is_short: bool

    def arguments(self, values: Values) -> list[Any]:
        """Return the values in the order of the statement, as the driver takes them."""
        return [
            values.get(name, default) if process is None else process(values.get(name, default))
            for name, default, process in self.places
        ]

    def records(self, rows: list[Any]) -> list[Record]:
        """Return the rows of the driver as those of the statement."""
        if self.processes:
            rows = [self._processed(row) for row in rows]
        return rows if self.is_bare else [self.record(row) for row in rows]

    def _processed(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, process in self.processes:
            if values[place] is not None:
                values[place] = process(values[place])
        return values


class Statement:
    """A statement that is kept, so that it is compiled only once; its values are `given`.

    The rows of a bare one have no attributes, and their instants are as they are stored, which
    takes less time. A short one is expected to end sooner than a thread could be woken for it.
    """

    def __init__(self, statement: ClauseElement, *, is_bare: bool = False, is_short: bool = False) -> None:
        self._statement = statement
        self._is_bare = is_bare
        self._is_short = is_short
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, dialect: Dialect) -> Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            found = compiled(self._statement, dialect, is_bare=self._is_bare, is_short=self._is_short)
            self._compiled[dialect.name] = found
        return found


def compiled(
    statement: ClauseElement,
    dialect: Dialect,
    column_keys: Sequence[str] | None = None,
    *,
    is_bare: bool = False,
    is_short: bool = False,
) -> Compiled:
    """Compile a statement; `column_keys` are the columns that an INSERT takes from its values."""
    compiler = statement.compile(
        dialect=dialect, column_keys=column_keys, compile_kwargs={"render_postcompile": True}
    )
    assert isinstance(compiler, SQLCompiler), "it is no DDL"  # noqa: S101
    defaults = compiler.construct_params(_check=False)
    places = [
        _Place(name, defaults.get(name), _bind_processor(compiler, name, dialect))
        for name in compiler.positiontup or ()
    ]
    columns = list(getattr(statement, "exported_columns", ()))
    return Compiled(
        compiler.string,
        places,
        _record(tuple(column.key for column in columns)),
        [
            (place, process)
            for place, column in enumerate(columns)
            if (process := _result_processor(column.type, dialect, is_bare=is_bare)) is not None
        ],
        is_bare or not columns,
        is_short,
    )


def _bind_processor(compiler: SQLCompiler, name: str, dialect: Dialect) -> Process | None:
    bind = compiler.binds.get(name)
    return None if bind is None else bind.type.dialect_impl(dialect).bind_processor(dialect)


def _result_processor(type_: TypeEngine[Any], dialect: Dialect, *, is_bare: bool) -> Process | None:
    if isinstance(type_, UTCDateTime):
        return None if is_bare else to_datetime
    return type_.dialect_impl(dialect).result_processor(dialect, None)


@cache
def _record(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Record]:
    type_: Any = namedtuple("Record", list(names), rename=True)  # type: ignore[misc]  # noqa: PYI024  known only now
    make: Callable[[Iterable[Any]], Record] = type_._make
    return make
