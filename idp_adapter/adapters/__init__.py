"""Translation: one technology per file, no judgement."""
