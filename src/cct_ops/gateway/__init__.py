"""The door for alerts: authentic, stored durably, then answered; it starts nothing itself."""
