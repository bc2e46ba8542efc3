import './browser-language.js';
import { byId } from './dom.js';
import { formatNumber, onLanguage, setLabel, text } from './language.js';
import { color, onTheme } from './theme.js';
import uPlot from './uplot/uPlot.esm.js';

/** @typedef {import('../rate/rate-meter.js').RatePoint} RatePoint */

const HEIGHT = 150;
const SPAN_SECONDS = 60;

/** Requests of each second against the quota, with those that were refused. */
export class RateChart {
  #frame = byId('rate-chart', HTMLElement);
  #quota = 500;
  /** @type {readonly RatePoint[]} */
  #points = [];
  /** @type {uPlot | undefined} */
  #plot;

  constructor() {
    onTheme(() => this.#redraw());
    onLanguage(() => this.#redraw());
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#frame.clientWidth, height: HEIGHT })).observe(
      this.#frame,
    );
  }

  /** @param {number} quota requests a second */
  setQuota(quota) {
    this.#quota = quota;
    this.#redraw();
  }

  /** @param {readonly RatePoint[]} points oldest first */
  update(points) {
    this.#points = points;
    if (this.#plot === undefined) this.#redraw();
    else this.#plot.setData(this.#data());
    this.#tell();
  }

  #redraw() {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#points.length === 0 || this.#frame.clientWidth === 0) return;
    this.#plot = new uPlot(this.#options(), this.#data(), this.#frame);
    this.#tell();
  }

  /** @returns {uPlot.AlignedData} */
  #data() {
    const last = this.#points.at(-1)?.[0] ?? 0;
    return [
      this.#points.map(([at]) => (at - last) / 1_000),
      this.#points.map(() => this.#quota),
      this.#points.map(([, requests]) => requests),
      this.#points.map(([, , refused]) => (refused === 0 ? null : refused)),
    ];
  }

  /** @returns {uPlot.Options} */
  #options() {
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    return {
      width: this.#frame.clientWidth,
      height: HEIGHT,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-SPAN_SECONDS, 0] },
        y: { range: (_plot, _min, max) => [0, Math.max(max, this.#quota) * 1.1] },
      },
      axes: [
        {
          ...axis,
          font,
          size: 28,
          grid: { show: false },
          splits: [-60, -45, -30, -15, 0],
          values: (_plot, splits) =>
            splits.map((seconds) => (seconds === 0 ? text('rateAxisNow') : text('rateAxis', { seconds }))),
        },
        { ...axis, font, size: 44, values: (_plot, splits) => splits.map((value) => formatNumber(value)) },
      ],
      series: [
        {},
        { stroke: color('--warn'), width: 1.5, dash: [6, 4], points: { show: false } },
        { stroke: color('--accent'), width: 2, fill: color('--accent-soft'), points: { show: false } },
        {
          // Dots rather than a line: a single refusal is to be seen beside hundreds of requests.
          stroke: color('--bad'),
          paths: () => null,
          points: { show: true, size: 7, width: 0, fill: color('--bad') },
        },
      ],
    };
  }

  #tell() {
    const [, now = 0, refused = 0] = this.#points.at(-1) ?? [];
    const peak = this.#points.reduce((highest, [, requests]) => Math.max(highest, requests), 0);
    const figures = { now, refused, peak, quota: this.#quota };
    for (const [name, value] of Object.entries(figures)) {
      byId(`rate-${name}`, HTMLElement).textContent = formatNumber(value);
    }
    setLabel(this.#frame, 'rateChart', { peak, quota: this.#quota, refused });
  }
}
