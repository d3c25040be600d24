"""Running checks that are written for node."""

import os
import shutil
import subprocess


def node(*words):
    """NODE_MODULES names the directory with the packages; without, node finds them in its own way."""
    environment = dict(os.environ)
    if "NODE_MODULES" in os.environ:
        environment["NODE_PATH"] = os.environ["NODE_MODULES"]
    return subprocess.run(["node", *words], env=environment, stdin=subprocess.DEVNULL, timeout=120, check=False)


def package_is_here(name):
    return bool(shutil.which("node")) and node("-e", f"try {{ require('{name}') }} catch {{ process.exit(1) }}").returncode == 0
