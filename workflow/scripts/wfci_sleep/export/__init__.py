"""Results for other programs: MATLAB files as the published scripts read them, and the run as an RO-Crate."""
