/** Dispatches the worker's events to the parts of the page. */

import { setClock } from "./clock.js";
import { showTank } from "./gauge.js";
import { showConnection, showNewest, showStatus } from "./header.js";
import { showItems, showSilence, showTrends } from "./items.js";
import { showParts } from "./parts.js";
import { ROOT } from "./root.js";
import { follow } from "./stream.js";
import { append, hold, renew, TANK } from "./tank-plot.js";
import { showUses } from "./uses.js";

let signal = null;
let silent = "unknown";
let newestUse = null;
let trendsWanted = true;
let connected = true;

function status(document) {
  setClock(document.now);
  showStatus(document);
  showTank(document.tank);
  silent = document.silent.who;
  showSilence(silent);
  showParts(document.parts);
  if (document.signal.state === "AOS") hold();
  if (signal && signal !== document.signal.state) renew();
  signal = document.signal.state;
}

function items({ items: documents }) {
  showItems(documents);
  for (const document of documents) {
    if (document.source_ts) showNewest(document.source_ts);
    if (document.item_id === TANK) append(document);
  }
  if (trendsWanted) fetchTrends();
}

function uses({ uses: documents }) {
  showUses(documents);
  const [newest = null] = documents;
  if (newestUse && newest && newest.event_id !== newestUse.event_id) renew();
  newestUse = newest;
}

async function fetchTrends() {
  trendsWanted = false;
  const answer = await fetch(`${ROOT}api/v1/trends`);
  if (answer.ok) showTrends((await answer.json()).trends);
}

function connection(alive, heard) {
  trendsWanted ||= !alive;
  showConnection(alive, heard);
  if (alive !== connected) showSilence(alive ? silent : "connection");
  connected = alive;
}

const heartbeat = ({ now }) => setClock(now);

follow(`${ROOT}api/v1/stream`, { status, items, uses, heartbeat }, connection);
