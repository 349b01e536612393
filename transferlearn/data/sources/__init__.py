"""Lists the items of sources: folders, tables and tuples."""
