"""Runs the checks of one package again and again, each time with other files changed, in a fork of its own. Speaks JSON lines; see mutants.py."""

from __future__ import annotations

import compileall
import importlib.util
import inspect
import io
import json
import os
import signal
import sys
import traceback
import unittest
from pathlib import Path

SECONDS = 6


def main() -> None:
    recorder, work, test = sys.argv[1:4]
    spec = importlib.util.spec_from_file_location("recorder", recorder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.chdir(work)
    sys.path.insert(0, work)
    compileall.compile_dir(work, quiet=2)
    for line in sys.stdin:
        sys.stdout.write(one(module, work, test, json.loads(line)) + "\n")
        sys.stdout.flush()


def one(module, work, test, changed):
    before = {name: Path(name).read_bytes() for name in changed}
    for name, text in changed.items():
        Path(name).write_text(text, "utf-8")
        Path(importlib.util.cache_from_source(name)).unlink(missing_ok=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(SECONDS)
        sys.dont_write_bytecode = True
        sys.stdout = io.StringIO()
        told = json.dumps(checked(module, work, test, not changed)).encode()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    for name, content in before.items():
        Path(name).write_bytes(content)
    return told.decode() or "{}"


def checked(module, work, test, clean):
    recorder = module.Recorder(os.path.realpath(work) + os.sep)
    recorder.every = clean
    traces = {}
    try:
        spec = importlib.util.spec_from_file_location(Path(test).stem, test)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded
        spec.loader.exec_module(loaded)
    except BaseException:
        return {}
    for name, call in tests_of(loaded):
        error = None
        recorder.start()
        try:
            call()
        except BaseException as caught:
            error = caught
        recorder.stop(name, error is not None)
        if error is not None:
            traces[name] = told_of(error, work)
    return {"spectrum": recorder.told(), "traces": traces}


def tests_of(loaded):
    for name, value in list(vars(loaded).items()):
        if inspect.isclass(value) and issubclass(value, unittest.TestCase):
            for method in unittest.defaultTestLoader.getTestCaseNames(value):
                yield f"{name}.{method}", value(method).debug
        elif name.startswith("test_") and inspect.isfunction(value):
            yield name, value


def told_of(error, work):
    inside = os.path.realpath(work) + os.sep
    frames = [
        [os.path.realpath(frame.filename).removeprefix(inside), frame.lineno, frame.name]
        for frame in traceback.extract_tb(error.__traceback__)
        if "mutant_worker" not in frame.filename
    ]
    return {"type": type(error).__name__, "message": str(error)[:500], "frames": frames}


if __name__ == "__main__":
    main()
