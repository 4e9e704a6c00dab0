"""What a client asks of a field, as far as that can be told at a glance."""

from graphql import FieldNode

from api.context import Info


def may_be_selected(info: Info, name: str) -> bool:
    """Tell whether a field of the value that is being resolved is selected, or could be by a fragment."""
    nodes = info._raw_info.field_nodes  # noqa: SLF001  `selected_fields` takes the whole selection apart
    return any(
        not isinstance(one, FieldNode) or one.name.value == name
        for node in nodes
        if node.selection_set is not None
        for one in node.selection_set.selections
    )
