"""The schema of schemas, which `fn::validate` holds its schema against. Upstream: schema/json_schema.go."""

from common.environments.language.schemas.schema import BOOLEAN, NUMBER, STRING, STRINGS, AnySchema, Schema, array_of

_SCHEMA = Schema("", ref="#/$defs/schema")
_SCHEMAS = array_of(_SCHEMA)
_SCHEMAS_BY_NAME = Schema("object", additional_properties=_SCHEMA)
_TYPES = ("string", "number", "boolean", "array", "object", "null")

_PROPERTIES: dict[str, AnySchema] = {
    "$defs": _SCHEMAS_BY_NAME,
    "$ref": STRING,
    **dict.fromkeys(("anyOf", "oneOf", "prefixItems"), _SCHEMAS),
    **dict.fromkeys(("items", "additionalProperties"), _SCHEMA),
    "properties": _SCHEMAS_BY_NAME,
    "type": Schema("string", enum=_TYPES),
    **dict.fromkeys(("const", "default"), Schema("")),
    **dict.fromkeys(("enum", "examples"), Schema("array")),
    **dict.fromkeys(("multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"), NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"), NUMBER),
    **dict.fromkeys(("pattern", "title", "description"), STRING),
    **dict.fromkeys(("uniqueItems", "deprecated"), BOOLEAN),
    "required": STRINGS,
    "dependentRequired": Schema("object", additional_properties=STRINGS),
}

META_SCHEMA = Schema(
    "",
    ref="#/$defs/schema",
    definitions={"schema": Schema("", any_of=(BOOLEAN, Schema("object", properties=_PROPERTIES)))},
)
