"use strict";

const MOST_LIVE = 500; // rows that a live list keeps
const LIVE = "#live"; // in the address, so that a link or a reload goes on with it
const DAY = 86400; // seconds
const STORED = 1000; // milliseconds after which the store surely has what has just come
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

document.addEventListener("DOMContentLoaded", () => {
  const chart = document.querySelector("[data-chart]");
  if (chart) draw(chart);
  const live = document.querySelector("[data-live]");
  live?.addEventListener("click", () => toggle(live));
  if (live && location.hash === LIVE) toggle(live);
  const facets = document.querySelector("[data-facets]");
  if (facets && matchMedia("(max-width: 60rem)").matches) facets.open = false;
});

function draw(holder) {
  const { starts, series } = JSON.parse(holder.dataset.chart);
  const names = Object.keys(series);
  let plot;
  const paint = () => {
    plot?.destroy();
    plot = new uPlot(options(holder, names, starts), [starts, ...stacked(names.map((name) => series[name]))], holder);
  };
  paint();
  new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: height() })).observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

// Each series on top of those before it; the tallest is drawn first, so that each shows only its own part.
function stacked(columns) {
  const sums = columns.map((column, index) =>
    column.map((_, at) => columns.slice(0, index + 1).reduce((sum, other) => sum + other[at], 0)));
  return sums.reverse();
}

function height() {
  return innerWidth < 680 ? 120 : 150;
}

function options(holder, names, starts) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const step = starts.length > 1 ? starts[1] - starts[0] : 60;
  return {
    width: holder.clientWidth,
    height: height(),
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      x: { range: () => [starts[0] ?? 0, (starts.at(-1) ?? 0) + step] },
      y: { range: (_, low, high) => [0, Math.max(1, high)] },
    },
    axes: [{ ...axis, size: 30, values: (_, marks) => labels(marks) }, { ...axis, size: 48, incrs: WHOLE }],
    series: [{}, ...[...names].reverse().map((name) => ({
      label: name,
      width: 0,
      fill: colour(name.toLowerCase()),
      points: { show: false },
      paths: uPlot.paths.bars({ size: [0.9, 60], align: 1 }),
    }))],
    hooks: { setSelect: [(plot) => zoom(plot, holder.dataset.zoom)] },
  };
}

// Midnight is told by its day, and where the marks are months or years apart, by these. All times are UTC, as in the list.
function labels(marks) {
  const step = marks[1] - marks[0];
  const [from, to] = step >= 365 * DAY ? [0, 4] : step >= 28 * DAY ? [0, 7] : [5, 10];
  return marks.map((seconds) => {
    const text = new Date(seconds * 1000).toISOString();
    return seconds % DAY ? text.slice(11, 16) : text.slice(from, to);
  });
}

function zoom(plot, address) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const [from, to] = [left, left + width].map((pixel) => Math.round(plot.posToVal(pixel, "x")));
  const target = new URL(address, location);
  target.searchParams.set("from", from);
  target.searchParams.set("to", Math.max(to, from + 1));
  location.assign(target);
}

let tail;
let leaving = false; // a browser ends the stream then, and that is no error
addEventListener("beforeunload", () => { leaving = true; });

function toggle(button) {
  const on = !tail;
  if (on) follow(button);
  else stop();
  history.replaceState(null, "", on ? LIVE : location.pathname + location.search);
  button.setAttribute("aria-pressed", String(on));
}

function stop() {
  tail.close();
  tail = undefined;
}

function follow(button) {
  document.getElementById("refused").hidden = true;
  tail = new EventSource(button.dataset.live);
  tail.addEventListener("rows", (message) => arrive(message.data));
  tail.addEventListener("refused", (message) => {
    toggle(button);
    const told = document.getElementById("refused");
    told.textContent = message.data;
    told.hidden = false;
  });
  tail.addEventListener("error", (event) => {
    if (leaving || event.target.readyState !== EventSource.CLOSED) return; // or it connects again by itself
    toggle(button);
    location.reload(); // to the login, as a rule
  });
}

// The server made these rows of the same template as the others, escaped.
function arrive(html) {
  const body = document.querySelector("#list tbody");
  if (!body) return setTimeout(() => location.reload(), STORED); // the list was empty, and has no table yet
  body.insertAdjacentHTML("afterbegin", html);
  for (const row of [...body.rows].slice(MOST_LIVE)) row.remove();
  tellLocalTimes(body);
}
