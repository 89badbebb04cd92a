"""What ``cct-ops doctor`` looks at: everything that is set up, each part as it is reached."""
