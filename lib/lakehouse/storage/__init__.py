"""Delta tables: create, read what is needed, append, merge, replace, maintain."""
