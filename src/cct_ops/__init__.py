"""The library under the playbooks: clients, ledger, gateway, dispatcher, stack and sandbox."""
