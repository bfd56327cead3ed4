"""What the slices share: errors, the tool wrapper, the gate, redaction, budgets, http, git, the database, lazy tables."""
