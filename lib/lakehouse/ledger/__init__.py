"""What was delivered, run, judged and published: append-only Delta tables, read and written without Spark."""
