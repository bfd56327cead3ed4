"""Did a fix help: what was counted before and after it, and what that is worth."""
