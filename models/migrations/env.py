"""What Alembic runs: the migrations on the connection that `migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import models.key
import models.session  # noqa: F401  the tables register themselves

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
