"""What senders did not get through to us: asked for at the start and every few minutes."""
