"""An assessment with its times, and its renderings: text, JSON, metrics. Pure."""
