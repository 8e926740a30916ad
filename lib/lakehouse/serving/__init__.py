"""How people read a lake without Spark."""
