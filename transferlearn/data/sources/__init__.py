"""The sources of items: folders, tables and tuples."""
