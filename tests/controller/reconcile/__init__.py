"""What senders are asked for, and what comes of it."""
