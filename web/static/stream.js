/** The worker's events. A connection that breaks, or that only seems to be alive, is replaced. */

/** The worker sends its status at least every 5 s: three missing mean that nobody is there. */
const SILENT_MILLISECONDS = 15_000;
const RETRY_MILLISECONDS = 2_000;
/** A page that nobody looks at gives its connection back after this time; a browser has only six for one host. */
const HIDDEN_MILLISECONDS = 60_000;

/**
 * @param {string} address
 * @param {Record<string, (data: any) => void>} handlers name of an event -> what to do with its data
 * @param {(alive: boolean, heard: number) => void} tell hears whether the connection works, and when it last did
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
    // A browser does not try again by itself when the answer was an error.
    if (source.readyState === EventSource.CLOSED) pause = setTimeout(open, RETRY_MILLISECONDS * (1 + Math.random()));
  }

  function watch() {
    if (!source || Date.now() - Math.max(heard, opened) < SILENT_MILLISECONDS) return;
    tell(false, heard);
    open();
  }

  function attend() {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(close, HIDDEN_MILLISECONDS);
    else if (!source) open();
  }

  document.addEventListener("visibilitychange", attend);
  setInterval(watch, 1000);
  open();
}
