"""Files, processes and operating systems: everything between a run and the machine."""
