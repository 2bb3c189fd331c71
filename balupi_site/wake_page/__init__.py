"""The wake page, which stands where the NAS would be, and what it tells."""
