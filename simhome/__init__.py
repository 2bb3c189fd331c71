"""A household on loopback: plugs, a NAS and a Pi-hole, played without hardware."""
