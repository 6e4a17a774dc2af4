"""The base of every option class."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Frozen options: unknown names are refused, and the text under each field is its help everywhere."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )
