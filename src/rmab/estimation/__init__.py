"""From logs to arms: read a log, count transitions, shrink them, and know where each arm is now."""
