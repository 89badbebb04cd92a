"""Pages for people on call: one file of ``pages`` is one page, and ``pages.ALL`` lists them."""
