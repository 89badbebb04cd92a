"""From stored incidents to runs in Prefect, exactly one for each, and to messages for people."""
