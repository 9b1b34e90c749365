"""The report page of texts."""
