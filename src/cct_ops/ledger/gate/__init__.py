"""The state that the gate rests on: guards, locks, permits, approvals, temporary changes."""
