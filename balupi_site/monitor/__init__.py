"""The System Monitor of the NAS-built page: what this Pi does now, and did in the last hour."""
