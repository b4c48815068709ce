"""The scenario pack: honest people and attackers, each in one readable file, played through the whole service."""
