/**
 * A chart as a widget: uPlot's canvas, a legend that reads the figures under the cursor, and a
 * slider that reads them by the arrow keys.
 */

import uPlot from "./uPlot.js";
import { metricsOf, shortLabel } from "./chart_table.js";
import { unusual, valuesOf } from "./columns.js";
import { colour } from "./colours.js";
import { drawBands, drawDeployments, drawLevels, drawEpisodes, drawProvisional, drawUnusual } from "./shading.js";
import { h, render } from "./view.js";
import { metric, parts, quantity } from "./words.js";
import { moment, tick } from "./times.js";

const SYNC = "pantry-monitor";
const LINES = ["line-1", "line-2", "line-3", "line-4"];
const TONES = ["card", "quiet", "edge", "ink", "low", "medium", "high", "critical", "deploy", "unusual", ...LINES];
const LEAST_DRAG = 8;
const FAR = 10;
/** From here on a figure would not fit beside the axis. */
const LONG = 10_000;
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/**
 * @typedef {{chart: import("./chart_table.js").Chart, columns: import("./columns.js").Columns,
 *   spans: import("./shading.js").Span[], deployments: {at: number, version: string}[],
 *   theme: string, label: string, now: Date,
 *   zoom(from: number, to: number): void, unzoom(): void}} PlotData
 */

/** @type {import("./view.js").Widget} */
export const plotWidget = {
  mount: (node, data) => new Plot(/** @type {HTMLElement} */ (node), data),
  update: (plot, data) => plot.update(data),
  unmount: (plot) => plot.close(),
};

class Plot {
  /** @param {HTMLElement} node @param {PlotData} data */
  constructor(node, data) {
    this.data = data;
    this.index = /** @type {number | null} */ (null);
    this.colours = /** @type {Record<string, string>} */ ({});
    this.legend = node.appendChild(document.createElement("div"));
    this.legend.className = "legend";
    this.stage = node.appendChild(document.createElement("div"));
    this.stage.className = "stage";
    this.stage.addEventListener("keydown", this.#key);
    this.stage.addEventListener("blur", () => this.#point(null));
    this.#build();
    this.sizes = new ResizeObserver(() => this.plot.setSize(this.#size()));
    this.sizes.observe(this.stage);
  }

  /** @param {PlotData} data */
  update(data) {
    const before = this.data;
    this.data = data;
    if (before.theme !== data.theme) this.#build();
    else if (before.columns !== data.columns) this.plot.setData(this.#columns());
    else if (before.spans.length !== data.spans.length || before.deployments !== data.deployments) this.plot.redraw();
    this.#say();
  }

  close() {
    this.sizes.disconnect();
    this.plot.destroy();
  }

  get names() {
    return [...this.data.chart.lines, ...(this.data.chart.right ?? [])];
  }

  #build() {
    this.plot?.destroy();
    this.colours = Object.fromEntries(TONES.map((name) => [name, colour(this.stage, name)]));
    this.plot = new uPlot(this.#options(), this.#columns(), this.stage);
    this.#say();
  }

  #size() {
    return { width: Math.max(this.stage.clientWidth, 100), height: this.stage.clientHeight };
  }

  /** Times, every line, the lead's envelope, and between which figures it would have been usual. */
  #columns() {
    const { chart, columns } = this.data;
    const none = columns.times.map(() => null);
    const { min = none, max = none, usual } = columns.series[chart.lead] ?? {};
    const { high, low } = usual ?? { high: none, low: none };
    return [columns.times, ...this.names.map((name) => valuesOf(columns, name)), max, min, high, low];
  }

  #options() {
    const { chart } = this.data;
    const first = this.names.length + 1;
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false },
        sync: { key: SYNC, filters: { pub: (/** @type {string} */ type) => !["mousedown", "mouseup"].includes(type) } },
      },
      scales: {
        x: { range: () => [this.data.columns.from, this.data.columns.to] },
        y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ high) => [0, reach(high, chart.top)] },
        right: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ high) => [0, reach(Math.max(high ?? 0, 4))] },
      },
      axes: this.#axes(),
      series: [{}, ...this.names.map((name, index) => this.#line(name, index)), ...Array.from({ length: 4 }, () => this.#edge())],
      bands: [
        { series: [first, first + 1], fill: alpha(this.colours[LINES[0]], 0.18) },
        { series: [first + 2, first + 3], fill: alpha(this.colours.quiet, 0.13) },
      ],
      hooks: {
        drawClear: [this.#behind],
        draw: [this.#over],
        setCursor: [(/** @type {any} */ plot) => this.#point(plot.cursor.idx, false)],
        setSelect: [this.#select],
      },
    };
  }

  /** In pixels: letters on the canvas grow with the page's. */
  get letters() {
    return parseFloat(getComputedStyle(this.stage).fontSize) * 0.74;
  }

  #axes() {
    const { letters } = this;
    const look = {
      stroke: this.colours.quiet,
      font: `${letters}px system-ui, sans-serif`,
      ticks: { show: false },
      grid: { stroke: this.colours.edge, width: 1 },
    };
    const values = (/** @type {string} */ name) => (/** @type {any} */ _, /** @type {number[]} */ splits) =>
      splits.map((one) => axisLabel(one, metric(name).unit));
    const { chart } = this.data;
    const right = chart.right
      ? [{ ...look, scale: "right", side: 1, size: letters * 3.5, grid: { show: false }, values: values(chart.right[0]) }]
      : [];
    return [
      { ...look, grid: { show: false }, size: letters * 2.5, space: letters * 6.5, values: timeLabels },
      { ...look, size: letters * 4.7, space: letters * 3, values: values(chart.lead) },
      ...right,
    ];
  }

  #line(/** @type {string} */ name, /** @type {number} */ index) {
    const isLead = name === this.data.chart.lead;
    const stroke = this.colours[LINES[index]];
    return {
      scale: this.data.chart.right?.includes(name) ? "right" : "y",
      stroke,
      width: isLead ? 2 : 1.25,
      fill: isLead ? alpha(stroke, 0.08) : undefined,
      points: { show: true, size: 4, fill: stroke, filter: alone },
    };
  }

  #edge() {
    return { scale: "y", stroke: "transparent", width: 0, points: { show: false } };
  }

  /** What every drawing needs. */
  get #drawn() {
    const ratio = devicePixelRatio;
    const font = `600 ${this.letters * 0.92 * ratio}px system-ui, sans-serif`;
    return { colours: this.colours, ratio, font, bands: this.data.chart.bands };
  }

  #behind = (/** @type {any} */ plot) => {
    const drawn = this.#drawn;
    if (drawn.bands) drawBands(plot, drawn);
    drawEpisodes(plot, { ...drawn, spans: this.data.spans });
  };

  #over = (/** @type {any} */ plot) => {
    const { chart, columns, deployments } = this.data;
    const drawn = this.#drawn;
    if (columns.provisionalFrom !== null) drawProvisional(plot, { ...drawn, from: columns.provisionalFrom });
    if (drawn.bands) drawLevels(plot, drawn);
    drawUnusual(plot, { ...drawn, stretches: unusual(columns, metricsOf(chart)) });
    drawDeployments(plot, { ...drawn, deployments });
  };

  #select = (/** @type {any} */ plot) => {
    const { left, width } = plot.select;
    if (width < LEAST_DRAG) return;
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.data.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  };

  /** The arrow keys read, + and - zoom. */
  #key = (/** @type {KeyboardEvent} */ event) => {
    const last = this.data.columns.times.length - 1;
    const here = this.index ?? last;
    const to = {
      ArrowLeft: here - 1, ArrowRight: here + 1, ArrowDown: here - 1, ArrowUp: here + 1,
      PageDown: here - FAR, PageUp: here + FAR, Home: 0, End: last,
    }[event.key];
    if (to !== undefined) this.#point(Math.min(Math.max(to, 0), last));
    else if (event.key === "+") this.#zoomAround(here);
    else if (event.key === "-") this.data.unzoom();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  #zoomAround(/** @type {number} */ index) {
    const { times, from, to } = this.data.columns;
    const half = (to - from) / 4;
    this.data.zoom(Math.max(times[index] - half, from), Math.min(times[index] + half, to));
  }

  /** Read the figures of a step; by key the drawn cursor follows. */
  #point(/** @type {number | null | undefined} */ index, follow = true) {
    this.index = index ?? null;
    if (follow) {
      const left = this.index === null ? -10 : this.plot.valToPos(this.data.columns.times[this.index], "x");
      this.plot.setCursor({ left, top: this.index === null ? -10 : 10 }, false);
    }
    this.#say();
  }

  /** The figure under the cursor; without one each metric's newest. */
  #read(/** @type {string} */ name) {
    const values = valuesOf(this.data.columns, name);
    return this.index === null ? values.findLast((one) => one !== null) ?? null : values[this.index];
  }

  #say() {
    const { chart, columns, label, now } = this.data;
    const shown = this.index ?? columns.times.length - 1;
    const at = columns.times[shown] ?? columns.to;
    const figures = this.names.map((name) => ({ name, label: shortLabel(chart, name), value: this.#read(name) }));
    const time = moment(at * 1000, now);
    render(this.legend, h("span", { class: "at" }, this.index === null ? "newest" : time), ...figures.map(entry));
    const spoken = figures.map(({ name, label: said, value }) => `${said} ${value === null ? "no data" : quantity(value, metric(name).unit)}`);
    attributes(this.stage, {
      role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0",
      "aria-valuemax": String(Math.max(columns.times.length - 1, 0)),
      "aria-valuenow": String(shown), "aria-valuetext": `${this.index === null ? "newest" : time}: ${spoken.join(", ")}`,
    });
  }
}

function entry(/** @type {{name: string, label: string, value: any}} */ { name, label, value }, /** @type {number} */ index) {
  const { unit } = metric(name);
  return h("span", { class: `entry ${LINES[index]}`, key: name }, h("i", null), label, h("b", null, quantity(value, unit)));
}

/** A figure between two gaps has no line: it is a dot. */
function alone(/** @type {any} */ plot, /** @type {number} */ series, /** @type {boolean} */ _show, /** @type {any} */ gaps) {
  const values = plot.data[series];
  if (!gaps?.length) return [];
  const isAlone = (/** @type {number} */ at) => values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
  return values.flatMap((/** @type {any} */ _value, /** @type {number} */ at) => (isAlone(at) ? [at] : []));
}

/** The axis reaches a little beyond the highest figure, and as far as the chart always does. */
const reach = (/** @type {number | null} */ high, /** @type {number} */ top = 0) => Math.max((high ?? 0) * 1.12, top * 1.02, 1);

/** Short enough for its place: 5,000, but 12.5K. @param {number} value @param {string} unit */
export function axisLabel(value, unit) {
  const [figure, shown] = parts(value, unit);
  if (unit === "bytes" || unit === "%") return `${figure} ${shown}`;
  return value < LONG ? figure : compact.format(value);
}

const timeLabels = (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map((at) => tick(at * 1000));

const alpha = (/** @type {string} */ rgb, /** @type {number} */ share) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

function attributes(/** @type {Element} */ node, /** @type {Record<string, string>} */ wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
}
