// Draws the timeline, on a canvas: thousands of bars would be too many elements.

function drawTimeline() {
  const { canvas, rows } = timeline;
  const width = canvas.clientWidth;
  if (!width) return;
  const height = rows.length * ROW + AXIS;
  const ratio = devicePixelRatio || 1;
  timeline.width = width;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "middle";
  const palette = { text: colour("text"), quiet: colour("quiet"), line: colour("line"),
    page: colour("page"), stripe: colour("stripe"), mark: colour("mark") };
  for (const state of data.states) palette[state] = colour(state);
  drawAxis(pen, palette, rows.length * ROW);
  rows.forEach((row, place) => drawRow(pen, palette, row, place * ROW));
  drawDrag(pen, palette, rows.length * ROW);
}

function drawRow(pen, palette, row, top) {
  const isPath = row.name === "critical path" && top === 0 && onPath.size > 0;
  pen.fillStyle = isPath ? palette.text : palette.quiet;
  const more = row.others ? ` +${row.others}` : "";
  const room = LABELS - 12 - pen.measureText(more).width;
  pen.fillText(cutToWidth(pen, row.name, room) + more, 0, top + ROW / 2);
  pen.save();
  pen.beginPath();
  pen.rect(LABELS, top, timeline.width - LABELS, ROW);
  pen.clip();
  pen.fillStyle = palette.stripe;
  pen.fillRect(LABELS, top + 2, timeline.width - LABELS, ROW - 4);
  // What is well first, as it may cover what is next to it.
  const { from, to } = timeline;
  const seen = row.tasks.filter((task) => endOf(task) >= from && task.started <= to);
  for (const task of seen) if (well.has(task.state)) drawBar(pen, palette, task, top, 1);
  for (const task of seen) if (!well.has(task.state)) drawBar(pen, palette, task, top, 3);
  pen.restore();
}

function drawBar(pen, palette, task, top, least) {
  const left = xOf(task.started);
  const long = xOf(endOf(task)) - left;
  // A gap between bars, where there is room for one.
  const width = Math.max(least, long > 4 ? long - 1 : long);
  pen.fillStyle = palette[task.state];
  // What is well stays in the background.
  pen.globalAlpha = well.has(task.state) ? 0.4 : 1;
  pen.fillRect(left, top + 2, width, ROW - 4);
  pen.globalAlpha = 1;
  if (width > 44) {
    pen.fillStyle = well.has(task.state) ? palette.text : palette.page;
    const begin = Math.max(left, LABELS);
    const room = Math.min(left + width, timeline.width) - begin - 8;
    const name = cutToWidth(pen, splitName(task)[1], room);
    if (room > 30) pen.fillText(name, begin + 4, top + ROW / 2);
  }
}

function drawAxis(pen, palette, bottom) {
  const { from, to, width } = timeline;
  const step = niceStep(to - from, Math.max(2, (width - LABELS) / 110));
  for (let tick = Math.ceil(from / step); tick * step <= to; tick += 1) {
    const x = Math.round(xOf(tick * step)) + 0.5;
    pen.strokeStyle = palette.line;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, bottom + 4);
    pen.stroke();
    const text = tickText(tick * step, step);
    const half = pen.measureText(text).width / 2;
    pen.fillStyle = palette.quiet;
    pen.fillText(text, Math.min(Math.max(x - half, LABELS), width - 2 * half), bottom + 14);
  }
}

// A round number of seconds, so that about so many steps make up the span.
function niceStep(span, amount) {
  const rough = span / amount;
  if (rough > 30) {
    return [60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].find((each) => each >= rough)
      || Math.ceil(rough / 86400) * 86400;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
}

function tickText(time, step) {
  if (step >= 60) {
    const minutes = Math.round(time / 60);
    const hours = Math.floor(minutes / 60);
    return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")} h` : `${minutes} min`;
  }
  if (step >= 1) return `${Math.round(time)} s`;
  const digits = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return `${time.toFixed(digits)} s`;
}

function drawDrag(pen, palette, bottom) {
  if (!timeline.drag) return;
  const { from, to } = timeline.drag;
  pen.fillStyle = palette.mark;
  pen.globalAlpha = 0.25;
  pen.fillRect(Math.max(LABELS, Math.min(from, to)), 0, Math.abs(to - from), bottom);
  pen.globalAlpha = 1;
}

// A pen's or a font's measure tells how much of a text fits.
function cutToWidth(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low ? `${text.slice(0, low)}…` : "";
}
