"""Which edition of the attribution maps is known: what is kept of older maps is then made again."""

REVISION = 4
"""Raise it when a method's maps change. All that is kept of maps and of what was found out about them,
trust, cells, causal tests, carries it; read it through the module, ``map_revision.REVISION``."""
