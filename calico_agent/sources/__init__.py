"""Everything that comes from outside: one folder for each system, its reader (I/O) beside its decoders (pure)."""
