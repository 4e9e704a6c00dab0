"""SQL that the two engines write differently."""

import json
from typing import Any

from sqlalchemy import BindParameter, Dialect, SQLColumnExpression, String, TypeDecorator
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from models.statement import given


class utc_day(FunctionElement[str]):  # noqa: N801  reads as the SQL function that it is
    """The day of an instant in UTC, as `2026-01-15`."""

    type = String()
    inherit_cache = True

    def __init__(self, instant: SQLColumnExpression[Any]) -> None:
        super().__init__(instant)


@compiles(utc_day, "sqlite")
def _utc_day_on_sqlite(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"date({compiler.process(element.clauses, **options)})"


@compiles(utc_day, "postgresql")
def _utc_day_on_postgresql(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    instant = compiler.process(element.clauses, **options)
    return f"to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


class is_among(FunctionElement[bool]):  # noqa: N801  likewise
    """Whether a text is one of many, `texts`: one parameter and one statement, however many there are.

    The many are given, or a name for the parameter that will be.
    It has no type: SQLAlchemy would have SQLite compare a boolean with 1, which no index answers.
    """

    inherit_cache = True

    def __init__(self, text: SQLColumnExpression[str], many: BindParameter[list[str]]) -> None:
        super().__init__(text, many)


def texts(name: str) -> BindParameter[list[str]]:
    """Return the parameter of this name, which is a list of texts."""
    return given(name, _Texts)


class _Texts(TypeDecorator[list[str]]):
    """A list of texts: an array, or JSON where there are no arrays."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else ARRAY(String))

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:  # noqa: ANN401
        return json.dumps(value) if dialect.name == "sqlite" else value


@compiles(is_among, "sqlite")
def _is_among_on_sqlite(element: is_among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    text, many = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} IN (SELECT value FROM json_each({many})))"  # noqa: S608  compiled, not given


@compiles(is_among, "postgresql")
def _is_among_on_postgresql(element: is_among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    text, many = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} = ANY ({many}))"
