/**
 * What is drawn behind and over a chart's lines: bands, episodes, the part that is not final, and
 * deployments. Each also stands in words in the chart's summary.
 */

import { metric, number } from "./words.js";

/** @typedef {{from: number, to: number, severity: string}} Span in seconds */

const LONGEST_FLAG = 14;

/** Pale areas from the warning and from the critical figure on. */
export function drawBands(/** @type {any} */ plot, /** @type {any} */ { bands, colours }) {
  for (const { from, to, colour } of marks(bands, colours)) {
    const top = plot.scales.y.max;
    if (from <= top) area(plot, from, Math.min(to ?? top, top), colour);
  }
}

/** A line with its figure where each of them begins, and at the limit. */
export function drawLevels(/** @type {any} */ plot, /** @type {any} */ { bands, colours, ratio, font }) {
  const { limit, unit } = metric(bands);
  const levels = marks(bands, colours).map(({ from, colour }) => ({ at: from, colour, label: number(from), isRight: false }));
  if (limit && unit !== "%") levels.push({ at: limit, colour: colours.quiet, label: `limit ${number(limit)}`, isRight: true });
  for (const { at, colour, label, isRight } of levels) {
    if (at <= plot.scales.y.max) level(plot, at, colour, { ratio, font, label, isRight, ground: colours.card });
  }
}

function marks(/** @type {string} */ bands, /** @type {any} */ colours) {
  const { warning, critical } = metric(bands);
  return [{ from: warning, to: critical, colour: colours.medium }, { from: critical, to: null, colour: colours.critical }];
}

function area(/** @type {any} */ plot, /** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ colour) {
  const { ctx, bbox } = plot;
  const [bottom, top] = [plot.valToPos(from, "y", true), plot.valToPos(to, "y", true)];
  ctx.save();
  ctx.globalAlpha = 0.07;
  ctx.fillStyle = colour;
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  ctx.restore();
}

function level(/** @type {any} */ plot, /** @type {number} */ value, /** @type {string} */ colour, /** @type {any} */ { ratio, font, label, isRight, ground }) {
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 4 * ratio]);
  stroke(ctx, bbox.left, y, bbox.left + bbox.width, y);
  ctx.globalAlpha = 1;
  ctx.font = font;
  ctx.textAlign = isRight ? "right" : "left";
  ctx.textBaseline = "bottom";
  ctx.setLineDash([]);
  ctx.strokeStyle = ground;
  ctx.lineWidth = 3 * ratio;
  const x = isRight ? bbox.left + bbox.width - 5 * ratio : bbox.left + 5 * ratio;
  ctx.strokeText(label, x, y - ratio);
  ctx.fillText(label, x, y - ratio);
  ctx.restore();
}

/** A tint over the whole height and a strong edge on top, in the colour of the severity. */
export function drawEpisodes(/** @type {any} */ plot, /** @type {{spans: Span[], colours: any, ratio: number}} */ { spans, colours, ratio }) {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const span of spans) {
    const [left, right] = [span.from, span.to].map((at) => inside(plot, at));
    const width = Math.max(right - left, 2 * ratio);
    ctx.fillStyle = colours[span.severity];
    ctx.globalAlpha = 0.1;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, bbox.top, width, 3 * ratio);
  }
  ctx.restore();
}

/** A strip along the foot, the stronger the more unusual. @param {any} plot */
export function drawUnusual(plot, /** @type {any} */ { stretches, colours, ratio }) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colours.unusual;
  for (const { from, to, score } of stretches) {
    const [left, right] = [from, to].map((at) => inside(plot, at));
    ctx.globalAlpha = Math.min(2 * score - 0.7, 1);
    ctx.fillRect(left, bbox.top + bbox.height - 4 * ratio, Math.max(right - left, 2 * ratio), 4 * ratio);
  }
  ctx.restore();
}

/** Hatched: these figures may still change. */
export function drawProvisional(/** @type {any} */ plot, /** @type {any} */ { from, colours, ratio }) {
  const { ctx, bbox } = plot;
  const left = inside(plot, from);
  const right = bbox.left + bbox.width;
  if (left >= right) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.22;
  ctx.strokeStyle = colours.quiet;
  ctx.lineWidth = ratio;
  for (let x = left - bbox.height; x < right; x += 7 * ratio) {
    stroke(ctx, x, bbox.top + bbox.height, x + bbox.height, bbox.top);
  }
  ctx.restore();
}

/** A line and a small flag with the version, where there is room for it beside those of newer ones. */
export function drawDeployments(/** @type {any} */ plot, /** @type {any} */ { deployments, colours, ratio, font }) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colours.deploy;
  ctx.lineWidth = ratio;
  ctx.font = font;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  const [gap, right] = [5 * ratio, bbox.left + bbox.width];
  let free = right;
  for (const { at, version } of deployments) {
    const x = Math.round(inside(plot, at)) + 0.5;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    stroke(ctx, x, bbox.top, x, bbox.top + bbox.height);
    const flag = version.length > LONGEST_FLAG ? `${version.slice(0, LONGEST_FLAG)}…` : version;
    const { width } = ctx.measureText(flag);
    const from = x + gap + width > right ? x - gap - width : x + gap;
    if (from < bbox.left || from + width > free) continue;
    ctx.fillText(flag, from, bbox.top + 6 * ratio);
    free = Math.min(from, x) - gap;
  }
  ctx.restore();
}

function inside(/** @type {any} */ plot, /** @type {number} */ at) {
  const { left, width } = plot.bbox;
  return Math.min(Math.max(plot.valToPos(at, "x", true), left), left + width);
}

function stroke(/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ x1, /** @type {number} */ y1, /** @type {number} */ x2, /** @type {number} */ y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
