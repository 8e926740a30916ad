"""The steps that move data - ingest, refine, aggregate, maintain - and verify, which proves what they did."""
