"""Corrections of the Lightstreamer client: the same updates for a tenth of the processor time.

lightstreamer-client-lib 2.2.3 is translated from Haxe, and spends 400 us on an update, nearly all of it
around the protocol: exceptions that format the stack, wakes of other threads, maps that are built again. The
protocol itself, with its sessions, recovery and subscriptions, stays the library's.

Each correction replaces one function, and only while the library's source is what it replaces: after an upgrade
that changes the function, the library's own is used and the log says so. The figures are CPU time per update of
one of 337 items, as the corrections were applied one after the other on a busy machine: from 400 to 35 us.

Threads: the library reads sockets on its thread LS_IO, runs timers and HTTP on its session thread, and calls
listeners on its user thread. It handles a session with its client's lock held, so any thread may do that.
Corrected, LS_IO handles each line of a WebSocket itself, up to the call of a `PromptListener`. So no updates
wait in the library: LS_IO does not read while it handles, and TCP holds back the server.
"""

import logging
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import lightstreamer.client

from iss_agents.feed.correction import Correction
from iss_agents.feed.timers import Timers

logger = logging.getLogger(__name__)

# None if an upgrade has renamed it: then nothing is corrected.
library: Any = sys.modules.get(f"{lightstreamer.client.__name__}.ls_python_client_haxe")


class PromptListener:
    """A listener that neither blocks nor calls the library, and so may be called on any thread of it."""


@cache
def correct_library() -> None:
    """Apply every correction that fits, once in a process."""
    for correction in CORRECTIONS:
        if correction.fits():
            correction.apply()
    if others := [correction.name for correction in CORRECTIONS if not correction.fits()]:
        logger.warning(
            "Not corrected in this version of the Lightstreamer client, and so slower: %s",
            ", ".join(others),
        )


CORRECTIONS: list[Correction] = []


def _corrects(path: str, fingerprint: str) -> Callable[[Callable[..., Any]], Correction]:
    def correct(replacement: Callable[..., Any]) -> Correction:
        CORRECTIONS.append(Correction(library, path, fingerprint, replacement))
        return CORRECTIONS[-1]

    return correct


# 160 us: the end of every loop over a map is a StopIteration, which the library wraps as a Haxe exception. That
# formats the stack, for which linecache asks the disk whether the source files have changed.
@_corrects("python_HaxeIterator.hasNext", "5736e0da8afad790")
def has_next(self: Any) -> bool:
    if not self.checked:
        try:
            self.x = next(self.it)
        except StopIteration:
            self.has, self.x = False, None
        else:
            self.has = True
        self.checked = True
    return bool(self.has)


# 155 us: the library maps position -> name for each update, of all items. It never changes such a list.
@_corrects(
    "com_lightstreamer_client_internal_update__UpdateUtils_UpdateUtils_Fields_.toMap", "8c12efc02152a94f"
)
def names_by_position(names: list[str] | None) -> Any:
    if names is None:
        return None
    for known, by_position in _known_names:
        if known is names:
            return by_position
    by_position = _map(dict(enumerate(names, 1)))
    _known_names[:] = [(names, by_position), *_known_names[:3]]
    return by_position


_known_names: list[tuple[list[str], Any]] = []
"""The items and the fields of the last two subscriptions."""


def _map(entries: dict[int, Any]) -> Any:
    created = library.haxe_ds_IntMap()
    created.h = entries
    return created


# 15 us: a search for the next `|` and calls for each token. What is neither a value nor `^N` is the library's.
@_corrects("com_lightstreamer_client_internal__ParseTools_ParseTools_Fields_.parseUpdate", "94e564d4b1156ff6")
def parse_update(message: str) -> Any:
    update = _UPDATE.fullmatch(message)
    if not update:
        return parse_update.shipped(message)
    values: list[Any] = []
    for field in update["fields"].split("|"):
        if not field.startswith("^"):
            values.append(_value(field))
        elif skip := _SKIP.fullmatch(field):
            values += [library.com_lightstreamer_internal_FieldValue.unchanged] * int(skip["count"])
        else:
            return parse_update.shipped(message)
    return library.com_lightstreamer_client_internal_UpdateInfo(
        int(update["subscription"]), int(update["item"]), _map(dict(enumerate(values, 1)))
    )


# Of longer numbers the library is to judge.
_UPDATE = re.compile(r"U,(?P<subscription>[0-9]{1,4}),(?P<item>[0-9]{1,4}),(?P<fields>.*)", re.DOTALL)
_SKIP = re.compile(r"\^(?P<count>[0-9]{1,4})")


def _value(field: str) -> Any:
    kinds = library.com_lightstreamer_internal_FieldValue
    if not field:
        return kinds.unchanged
    if field in {"#", "$"}:
        return kinds.changed(None if field == "#" else "")
    tools = library.com_lightstreamer_client_internal__ParseTools_ParseTools_Fields_
    return kinds.changed(tools.unquote(field) if "%" in field else field)


# 10 us, with the two copies: five loops over the fields, through the iterator. Patches are left to the library.
@_corrects("com_lightstreamer_client_internal_update_ItemBase.doUpdate", "07c60d68f25a4f7a")
def update_item(self: Any, values: Any, snapshot: bool) -> None:  # noqa: FBT001 - the library's signature
    known = None if self.currValues is None else self.currValues.h
    merged: dict[int, Any] = {}
    for position, value in values.h.items():
        if value.index == CHANGED:
            merged[position] = _string(value.params[0])
        elif value.index == UNCHANGED and known is not None and not _is_json(known.get(position)):
            merged[position] = known.get(position)
        else:
            update_item.shipped(self, values, snapshot)
            return
    text = library.com_lightstreamer_client_internal_update_CurrFieldValTools.toString
    changed = [
        position for position, new in merged.items() if known is None or text(new) != text(known.get(position))
    ]
    self.currValues = _map(merged)
    update = library.com_lightstreamer_client_internal_update_ItemUpdateBase(
        self.itemIdx, self.subscription, self.currValues, _set(changed), snapshot, _map({})
    )
    self.subscription.fireOnItemUpdate(update, self.m_subId)


UNCHANGED, CHANGED = 0, 1
"""Kinds of an incoming field. The others are patches."""

JSON = 1
"""Kind of a known value that has been patched as JSON. The others are strings."""


def _string(text: str | None) -> Any:
    kinds = library.com_lightstreamer_client_internal_update_CurrFieldVal
    return None if text is None else kinds.StringVal(text)


def _is_json(value: Any) -> bool:
    return value is not None and value.index == JSON


@_corrects("haxe_ds_IntMap.copy", "b8648089316110c2")
def copy_map(self: Any) -> Any:
    return _map(self.h.copy())


@_corrects("com_lightstreamer_internal_Set.copy", "125c925b23b44586")
def copy_set(self: Any) -> Any:
    return _set(self.values)


def _set(values: list[int]) -> Any:
    created = library.com_lightstreamer_internal_Set()
    created.values = [*values]
    return created


# 8 us: a map of names, copied entry by entry into a dict.
@_corrects("com_lightstreamer_client_internal_update_ItemUpdateBase.getFields", "aa58c691dd75855d")
def get_fields(self: Any) -> dict[str, str | None]:
    if self.m_fields is None:
        return dict(get_fields.shipped(self))
    text = library.com_lightstreamer_client_internal_update_CurrFieldValTools.toString
    return {name: text(self.m_newValues.h.get(position)) for position, name in self.m_fields.h.items()}


# 20 us: the library wakes its user thread for each call of a listener.
@_corrects("com_lightstreamer_internal_EventDispatcher.dispatchToOne", "63295630b07a787a")
def dispatch(self: Any, listener: object, call: Callable[[object], None]) -> None:
    if not isinstance(listener, PromptListener):
        dispatch.shipped(self, listener, call)
        return
    try:
        call(listener)
    except Exception:
        # As in the library, a listener that fails ends no session. But it is not silent.
        logger.exception("A listener of the Lightstreamer client failed")


# 3 us: LS_IO wakes the session thread for each line. And while that is busy, lines pile up in memory.
@_corrects("com_lightstreamer_client_internal_ClientMachine.openWS", "cd6372ca05d76422")
def open_socket(machine: Any, url: str, headers: Any) -> Any:
    def locked(handle: Callable[..., None]) -> Callable[..., None]:
        def handle_locked(socket: Any, *arguments: Any) -> None:
            with machine.lock.lock.lock:
                # It may have been replaced while this waited for the lock.
                if not socket.isDisposed():
                    handle(*arguments)

        return handle_locked

    return machine.wsFactory(
        url,
        headers,
        locked(machine.evtWSOpen),
        locked(lambda line: _take_line(machine, line)),
        locked(lambda _error: machine.evtTransportError()),
        locked(machine.evtTransportFatalError),
    )


def _take_line(machine: Any, line: str) -> None:
    try:
        machine.evtMessage(line)
    except Exception as error:  # noqa: BLE001 - the library ends the session, whatever it is
        caught = library.haxe_Exception.caught(error)
        log = library.com_lightstreamer_log__LoggerTools_LoggerTools_Fields_.sessionLogger
        if log.isErrorEnabled():
            text = f"{caught.get_message()}\n{caught.details()}"
            log.error(text)  # noqa: TRY400 - a logger of the library
        causes = library.com_lightstreamer_client_internal__ClientMachine_TerminationCause
        machine.evtExtDisconnect(causes.TC_standardError(61, caught.get_message()))


# 20 us: each update restarts the timer of the keepalive, for which the library wakes its session thread, and
# leaves the cancelled timer there until it is due: 10,000 of them at 10,000 updates/s.
@_corrects("com_lightstreamer_internal_TimerImpl.__init__", "e7e20c8da66802e5")
def start_timer(self: Any, _name: str, delay: float, callback: Callable[[Any], None]) -> None:
    self.task = timers.start(delay / 1000, lambda: callback(self))


timers = Timers(lambda: library.com_lightstreamer_internal__Threads_Threads_Fields_.sessionThread.loop)
