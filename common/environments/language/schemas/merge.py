"""The schema of an object that overrides another."""

from common.environments.language.schemas.schema import AnySchema, Schema


def merged(base: AnySchema, top: AnySchema) -> AnySchema:
    """Return the schema of a value with `top` over one with `base`: objects merge, anything else replaces."""
    if not (isinstance(top, Schema) and isinstance(base, Schema) and top.type == base.type == "object"):
        return top
    properties = dict(base.properties or {})
    for name, schema in (top.properties or {}).items():
        below = properties.get(name)
        properties[name] = schema if below is None else merged(below, schema)
    additional = top.additional_properties
    if base.additional_properties is not None:
        additional = base.additional_properties if additional is None else True
    return Schema("object", properties=properties or None, additional_properties=additional, required=tuple(sorted(properties)))
