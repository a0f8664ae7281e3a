"""Metrics on arrays: how good generated samples are, beside what real data scores."""
