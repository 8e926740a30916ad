"""What tables, sources, rules, domains and environments promise: YAML in, frozen values out, without Spark."""
