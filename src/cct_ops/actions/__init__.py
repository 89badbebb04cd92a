"""Everything that can be changed outside: one class per write."""
