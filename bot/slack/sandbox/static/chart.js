// A data_visualization block as a small drawing.
import { h } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const COLOURS = ["#1264a3", "#2eb67d", "#e01e5a", "#ecb22e", "#7c3aed", "#0d9488", "#c2410c", "#64748b", "#be185d", "#4d7c0f", "#0369a1", "#a16207"];
const WIDE = 520;
const HIGH = 180;
const EDGE = 24;
const LEFT = 48;

function draw(tag, attributes) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export function chart(block) {
  const rows = block.chart.type === "pie" ? [{ name: "share", data: block.chart.segments }] : block.chart.series;
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${block.title}: ${spoken(rows)}` });
  svg.append(...(block.chart.type === "bar" || block.chart.type === "pie" ? bars(rows) : linesOf(rows)));
  const legend = h("figcaption", { className: "legend" }, rows.map((series, index) => {
    const dot = h("i");
    dot.style.background = COLOURS[index];
    return h("span", {}, dot, series.name);
  }));
  return h("figure", {}, h("strong", {}, block.title), svg, legend);
}

const spoken = (rows) => rows.map((series) => `${series.name} ${series.data.map((point) => `${point.label} ${point.value}`).join(", ")}`).join("; ");

// Bars stand on zero; lines use the room between the lowest and the highest value.
function scale(rows, fromZero) {
  const values = rows.flatMap((series) => series.data.map((point) => Number(point.value)));
  const low = fromZero ? Math.min(0, ...values) : Math.min(...values);
  const high = Math.max(...values);
  const y = (value) => HIGH - EDGE - ((Number(value) - low) / (high - low || 1)) * (HIGH - 2 * EDGE);
  return { y, low, high };
}

function linesOf(rows) {
  const { y, low, high } = scale(rows, false);
  return [...axis(y, low, high), ...rows.map((series, index) => {
    const step = (WIDE - LEFT - EDGE) / Math.max(1, series.data.length - 1);
    const points = series.data.map((point, place) => `${LEFT + place * step},${y(point.value)}`).join(" ");
    return draw("polyline", { points, fill: "none", stroke: COLOURS[index], "stroke-width": 2.5, "stroke-linejoin": "round" });
  })];
}

function bars(rows) {
  const { y, low, high } = scale(rows, true);
  const places = Math.max(...rows.map((series) => series.data.length));
  const room = (WIDE - LEFT - EDGE) / places;
  const wide = (room * 0.7) / rows.length;
  return [...axis(y, low, high), ...rows.flatMap((series, index) => series.data.map((point, place) => {
    const top = Math.min(y(point.value), y(0));
    const colour = COLOURS[rows.length > 1 ? index : place % COLOURS.length];
    return draw("rect", { x: LEFT + place * room + index * wide, y: top, width: wide, height: Math.abs(y(point.value) - y(0)), rx: 2, fill: colour });
  }))];
}

function axis(y, low, high) {
  return [low, high].flatMap((value) => {
    const label = draw("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", "font-size": 11, fill: "currentColor", "fill-opacity": 0.6 });
    label.textContent = Number(value.toPrecision(3));
    return [draw("line", { x1: LEFT, x2: WIDE - EDGE, y1: y(value), y2: y(value), stroke: "currentColor", "stroke-opacity": 0.2 }), label];
  });
}
