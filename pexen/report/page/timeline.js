// The timeline: a row per worker, and above them the critical path. What part of it is
// seen, and how that is changed; timeline_drawing.js draws it.

const LABELS = 118; // pixels at the left, for the names of the workers
const ROW = 22;
const AXIS = 24;
const NEAR = 4; // pixels from a bar that still count as on it
const MOST_ROWS = 200;

const timeline = {
  from: 0, // seconds since the run began, of the left and the right edge
  to: 1,
  end: 1, // where the last task ended
  rows: [], // {name, tasks, others}: the tasks of a worker, in the order in which they started,
  // and of those that replaced it, of which others is the number
  width: 0, // of the canvas, in pixels of the page
  drag: null, // {from, to}: pixels between which the pointer is being dragged
  canvas: make("canvas", { tabindex: "0", role: "img" }),
  tip: make("div", { id: "tip", hidden: "", "aria-hidden": "true" }),
};

function rowsOfTimeline() {
  const rows = data.workers.map((name) => ({ name, tasks: [], others: 0 }));
  const unknown = { name: "unknown", tasks: [], others: 0 };
  for (const task of tasks) {
    if (hasTimes(task)) (rows[task.worker] || unknown).tasks.push(task);
  }
  // A worker that replaced another goes on in its row.
  const last = [...rows];
  for (const [worker, task] of data.replaced) {
    const row = last[tasks[task].worker];
    if (!row || row === rows[worker]) continue;
    row.tasks.push(...rows[worker].tasks);
    row.others += 1;
    rows[worker].tasks = [];
    last[worker] = row;
  }
  const found = [...rows, unknown].filter((row) => row.tasks.length);
  found.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  for (const row of found) row.tasks.sort((a, b) => a.started - b.started || a.number - b.number);
  return found;
}

function xOf(time) {
  const { from, to, width } = timeline;
  return LABELS + ((time - from) / (to - from)) * (width - LABELS);
}

function timeAt(x) {
  const { from, to, width } = timeline;
  return from + ((x - LABELS) / (width - LABELS)) * (to - from);
}

// See what is between these times, as far as there is something.
function look(from, to) {
  const span = Math.min(timeline.end, Math.max(to - from, timeline.end / 1e5, 1e-6));
  timeline.from = Math.max(0, Math.min(from, timeline.end - span));
  timeline.to = timeline.from + span;
  drawTimeline();
}

// Zoom by a factor, so that what is at that time stays where it is.
function zoom(factor, at = (timeline.from + timeline.to) / 2) {
  look(at - (at - timeline.from) * factor, at + (timeline.to - at) * factor);
}

function pan(share) {
  const step = (timeline.to - timeline.from) * share;
  look(timeline.from + step, timeline.to + step);
}

// The task at a point of the canvas; of several the one to look at first.
function taskAt(x, y) {
  const row = timeline.rows[Math.floor(y / ROW)];
  if (!row || x < LABELS) return null;
  let best = null;
  let least = NEAR + 0.1;
  for (const task of row.tasks) {
    const [left, right] = [xOf(task.started), xOf(endOf(task))];
    const distance = x < left ? left - x : Math.max(0, x - right);
    if (distance < least || (distance === least && rank(task) < rank(best))) {
      [best, least] = [task, distance];
    }
  }
  return best;
}

function showTip(task, x, y) {
  const { tip, canvas } = timeline;
  tip.hidden = !task;
  canvas.classList.toggle("pointing", Boolean(task));
  if (!task) return;
  const when = `${seconds(task.started)} + ${seconds(task.duration)}`;
  tip.replaceChildren(
    make("div", {}, badge(task.state), " ", when), make("div", { class: "tipname" }, task.name));
  if (task.worker !== undefined) {
    tip.append(make("div", { class: "quiet" }, `on ${data.workers[task.worker]}`));
  }
  if (task.reason) {
    tip.append(make("div", { class: "quiet" }, firstLine(task.reason).slice(0, 200)));
  }
  const left = Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 4);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${canvas.offsetTop + y + 18}px`;
}

function listenToPointer(canvas) {
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    timeline.drag = { from: event.offsetX, to: event.offsetX };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (timeline.drag) {
      timeline.drag.to = event.offsetX;
      drawTimeline();
    }
    const [x, y] = [event.offsetX, event.offsetY];
    showTip(timeline.drag ? null : taskAt(x, y), x, y);
  });
  canvas.addEventListener("pointerup", () => {
    const drag = timeline.drag;
    timeline.drag = null;
    if (!drag) return;
    const [left, right] = [drag.from, drag.to].sort((a, b) => a - b);
    if (right - left > NEAR) look(timeAt(Math.max(left, LABELS)), timeAt(right));
  });
  canvas.addEventListener("pointercancel", () => {
    timeline.drag = null;
    drawTimeline();
  });
  canvas.addEventListener("pointerleave", () => showTip(null));
  let start = 0;
  canvas.addEventListener("mousedown", (event) => (start = event.clientX));
  canvas.addEventListener("click", (event) => {
    const task = taskAt(event.offsetX, event.offsetY);
    if (task && Math.abs(event.clientX - start) <= NEAR) location.hash = `task-${task.number}`;
  });
  // Without a key the wheel scrolls the page, as everywhere.
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(Math.max(LABELS, event.offsetX)));
  }, { passive: false });
}

const TIMELINE_KEYS = {
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => look(0, timeline.end),
  ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25),
};

function startTimeline() {
  const workers = rowsOfTimeline();
  if (!workers.length) return false;
  timeline.rows = workers.slice(0, MOST_ROWS);
  if (data.path.length) {
    const path = data.path.map((step) => tasks[step.task]);
    timeline.rows.unshift({ name: "critical path", tasks: path, others: 0 });
  }
  timeline.end = Math.max(data.elapsed || 0, ...workers.map((row) => (
    row.tasks.reduce((end, task) => Math.max(end, endOf(task)), 0)))) || 1;
  const { canvas } = timeline;
  canvas.setAttribute("aria-label", `Timeline of ${counted(workers.length, "worker")}; ` +
    "plus and minus zoom, arrows move, 0 shows all");
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !TIMELINE_KEYS[event.key]) return;
    event.preventDefault();
    showTip(null);
    TIMELINE_KEYS[event.key]();
  });
  listenToPointer(canvas);
  const button = (text, title, action) => make("button", {
    type: "button", title, "aria-label": title, onclick: action,
  }, text);
  byId("timeline").append(
    make("div", { class: "controls" },
      button("+", "Zoom in", () => zoom(0.5)), button("−", "Zoom out", () => zoom(2)),
      button("←", "Earlier", () => pan(-0.5)), button("→", "Later", () => pan(0.5)),
      button("All", "Show all", () => look(0, timeline.end)),
      make("span", { class: "quiet hint" },
        "Drag over a part to see it closer; click a task to see it in the list.")),
    make("div", { class: "canvas" }, canvas, timeline.tip));
  if (workers.length > MOST_ROWS) {
    const text = `${grouped(workers.length - MOST_ROWS)} more workers aren't shown.`;
    byId("timeline").append(make("p", { class: "quiet" }, text));
  }
  look(0, timeline.end);
  new ResizeObserver(drawTimeline).observe(canvas);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", drawTimeline);
  }
  return true;
}
