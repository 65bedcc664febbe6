"""How rarely a worker looks for cyclic garbage."""

import subprocess
import sys

from iss_agents.runtime.garbage import NEW_OBJECTS

KEEPING_MANY = f"""
import gc
from iss_agents.runtime.garbage import collect_garbage_rarely
collect_garbage_rarely()
began = sum(each["collections"] for each in gc.get_stats())
kept = [[] for _ in range({NEW_OBJECTS // 2})]
print(sum(each["collections"] for each in gc.get_stats()) - began, gc.get_freeze_count() > 1_000)
"""


def test_thousands_of_new_objects_and_all_loaded_modules_are_left_alone() -> None:
    ran = subprocess.run([sys.executable, "-c", KEEPING_MANY], capture_output=True, text=True, check=True)

    assert ran.stdout == "0 True\n"
