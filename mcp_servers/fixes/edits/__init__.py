"""Edits of any form, made exactly or refused; `making` is the door."""
