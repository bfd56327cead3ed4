"""Checks of installed packages through their public doors, one module each, named after the package: what mutations of them are told by."""
