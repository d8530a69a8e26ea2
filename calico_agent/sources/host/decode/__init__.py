"""Files and process lists of the machine -> model. Pure; the only error is Malformed."""
