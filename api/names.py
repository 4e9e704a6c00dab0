"""The names of the schema's fields and arguments."""

from strawberry.schema.name_converter import NameConverter


class Names(NameConverter):
    """Strawberry's names, each made only once: in each request it asks for those of all arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, str] = {}

    def apply_naming_config(self, name: str) -> str:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = super().apply_naming_config(name)
        return made
