"""What runs between a person and git, or between a model and a shell: small, and of the standard library alone until there is something to say."""
