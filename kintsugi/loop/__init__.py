"""The loop: what comes next for a case (`moves`), doing it (`healer`), finding new cases (`intake`), surviving a crash (`workflow`)."""
