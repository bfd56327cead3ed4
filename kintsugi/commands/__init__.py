"""One command of `kintsugi` per file, mounted lazily by `cli`."""
