"""The library under the playbooks: clients, ledger, gateway, controller, stack and sandbox."""
