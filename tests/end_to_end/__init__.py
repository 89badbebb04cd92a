"""The whole way, through the stack that ``cct-ops up`` starts."""
