"""Stack traces in any text: one module per language, `lines` for what stands around a line, `finder` for where a trace begins and ends."""
