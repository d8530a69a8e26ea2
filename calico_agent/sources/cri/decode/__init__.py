"""Pure decoders."""
