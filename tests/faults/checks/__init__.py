"""Rules: what must hold of what was seen. Each returns what is wrong, in words; nothing where all is well."""
