"""What ``cct-ops doctor`` says of each part."""
