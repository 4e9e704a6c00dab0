"""What executing a document costs in one process, without a network and without a database.

    python benchmarks/in_process.py

Each case is measured in turn with the others and the best round counts: the ratios are what is to be compared.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
import strawberry
from strawberry import ID
from strawberry.schema.config import StrawberryConfig

from api.connection import PageInfo, SessionConnection, SessionEdge
from api.cursor import encode_key
from api.documents import Documents
from api.execution.operation import Operation
from api.schema import SCALARS, build_schema
