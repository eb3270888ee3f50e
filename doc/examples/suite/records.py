"""Reading and writing records, slowly enough for two tests to meet in one file."""

import json
import time


def load(path):
    time.sleep(0.1)
    return json.loads(path.read_text())


def save(path, records):
    path.write_text("")
    time.sleep(0.1)
    path.write_text(json.dumps(records))
