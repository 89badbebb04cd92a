"""Tasks and what they share, without a flow around them."""
