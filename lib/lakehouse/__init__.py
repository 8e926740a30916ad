"""A lakehouse whose tables always equal a pure function of the accepted deliveries."""
