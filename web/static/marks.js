/** Plot overlays: spans without readings, and uses of the toilet. */

import { clock } from "./clock.js";
import { seconds } from "./series.js";

const HATCH = 6;
const LABEL_ROOM = 34;

/** Hatched, so that gaps are visible without colour, and at least one pixel wide. */
export function shadeGaps(plot, gaps, colour) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const gap of gaps) {
    const [from, to] = [seconds(gap.start), gap.end ? seconds(gap.end) : clock() / 1000].map((time) => across(plot, time));
    if (to < bbox.left || from > bbox.left + bbox.width) continue;
    const left = Math.max(from, bbox.left);
    hatch(ctx, left, bbox.top, Math.max(Math.min(to, bbox.left + bbox.width) - left, ratio), bbox.height, colour, ratio);
  }
  ctx.restore();
}

export function markUses(plot, uses, colours) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  let free = -Infinity;
  ctx.save();
  Object.assign(ctx, { strokeStyle: colours.use, fillStyle: colours.use, lineWidth: ratio, textAlign: "center", textBaseline: "bottom" });
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  for (const use of [...uses].sort((one, other) => seconds(one.start) - seconds(other.start))) {
    const x = across(plot, seconds(use.start));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(ctx, x, bbox.top, bbox.top + bbox.height, ratio);
    if (x < free) continue;
    ctx.fillText(`+${Math.round(use.delta_percent)} %`, x, bbox.top - 3 * ratio);
    free = x + LABEL_ROOM * ratio;
  }
  ctx.restore();
}

const across = (plot, time) => plot.valToPos(time, "x", true);

function line(ctx, x, top, bottom, ratio) {
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, bottom);
  ctx.stroke();
}

function hatch(ctx, left, top, width, height, colour, ratio) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  Object.assign(ctx, { fillStyle: colour, strokeStyle: colour, lineWidth: ratio });
  ctx.globalAlpha = 0.12;
  ctx.fillRect(left, top, width, height);
  ctx.globalAlpha = 0.5;
  ctx.beginPath();
  const step = HATCH * ratio;
  for (let x = Math.floor((left - height) / step) * step; x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
