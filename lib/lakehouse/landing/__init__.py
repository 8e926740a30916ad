"""Find deliveries in a landing zone, tell their contents apart, and see how their files are written. No Spark."""
