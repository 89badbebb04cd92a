"""One file, one command of ``cct-ops`` (or one group of them), imported only when it is used."""
