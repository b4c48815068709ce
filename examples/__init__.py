"""Small programs that use the project as its users do."""
