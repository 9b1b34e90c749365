"""Pages about samples that work offline: their machinery, charts, and where samples are from."""
