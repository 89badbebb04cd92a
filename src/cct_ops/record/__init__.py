"""The record: a transparency log over what the ledger says, that a stranger can verify."""
