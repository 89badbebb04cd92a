"""The ledger: intake, the gate and the record."""
