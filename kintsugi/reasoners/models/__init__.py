"""Reasoners that ask a model: one conversation for each role, with the tools that the role may use, every token on the case's account."""
