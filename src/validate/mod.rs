//! From results to a verdict: checks, criteria, report.
