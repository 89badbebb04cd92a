"""A server that behaves like CCT, quirks included, with a control API for tests and the demo."""
