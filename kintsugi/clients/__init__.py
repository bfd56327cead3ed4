"""Programs that people work in: what each needs to start our servers, and what a project of its own is given for Claude Code."""
