"""The report page, the comparison of samples, the demo."""
