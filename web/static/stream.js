/** Event stream of the worker. A broken or dead connection is replaced. */

/** The worker sends something every second: after this time without a word it stands still, or the connection does. */
const STILL_MILLISECONDS = 2_200;
/** After this time the connection is dead and gets replaced. */
const SILENT_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 400;
const RETRY_MILLISECONDS = 2_000;
/** A hidden page closes its connection after this time; a browser has only six per host. */
const HIDDEN_MILLISECONDS = 60_000;

/**
 * @param {string} address
 * @param {Record<string, (data: any) => void>} handlers name of an event -> what to do with its data
 * @param {(alive: boolean, heard: number) => void} tell is called with whether the connection works, and when it last did
 */
export function follow(address, handlers, tell) {
  let source = null, opened = 0, heard = Date.now(), pause = 0, rest = 0;

  function open() {
    close();
    opened = Date.now();
    source = new EventSource(address);
    source.addEventListener("error", broken);
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        tell(true, heard);
        handle(JSON.parse(event.data));
      });
    }
  }

  function close() {
    clearTimeout(pause);
    source?.close();
    source = null;
  }

  function broken() {
    tell(false, heard);
    // A browser does not reconnect by itself after an error response.
    if (source.readyState === EventSource.CLOSED) pause = setTimeout(open, RETRY_MILLISECONDS * (1 + Math.random()));
  }

  function watch() {
    const silent = Date.now() - Math.max(heard, opened);
    if (!source || silent < STILL_MILLISECONDS) return;
    // A new connection may take longer until its first word.
    if (heard > opened || silent >= SILENT_MILLISECONDS) tell(false, heard);
    if (silent >= SILENT_MILLISECONDS) open();
  }

  function attend() {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(close, HIDDEN_MILLISECONDS);
    else if (!source) open();
  }

  document.addEventListener("visibilitychange", attend);
  setInterval(watch, LOOK_MILLISECONDS);
  open();
}
