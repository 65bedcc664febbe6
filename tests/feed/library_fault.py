"""Each loop over a map of the Lightstreamer client formats the stack and asks the disk about a source file.

It ends with a StopIteration, which `HaxeIterator.hasNext` of lightstreamer-client-lib 2.2.3 wraps as a Haxe
exception to learn its type; that extracts the stack, and linecache has a `stat` of the file. An update takes
more than ten such loops. With `except StopIteration` a loop takes a twentieth. Needs nothing but the library.
"""

import linecache
import sys
from time import process_time

from lightstreamer.client.ls_python_client_haxe import haxe_ds_IntMap

LOOPS = 1000
checks, check = 0, linecache.checkcache


def count(filename: str | None = None) -> None:
    global checks  # noqa: PLW0603 - so that it can be run and read on its own
    checks += 1
    check(filename)


linecache.checkcache = count
fields, began = haxe_ds_IntMap(), process_time()
fields.set(1, "value")
for _ in range(LOOPS):
    keys = fields.keys()
    while keys.hasNext():
        keys.next()
seconds = process_time() - began
sys.stdout.write(f"{checks / LOOPS:.0f} checks of source files, {seconds / LOOPS * 1e6:.1f} us per loop\n")
