// What made the run slow: the critical path, and the tasks that took longest.

const LONGEST_STEPS = 12;

function stepRow(step) {
  const task = tasks[step.task];
  return make("tr", {},
    make("td", { class: "figure" }, seconds(task.started)),
    make("td", { class: "figure" }, seconds(task.duration)),
    make("td", { class: "wide" }, linkTo(task.number)),
    make("td", { class: "quiet" }, whyThen(step)),
    make("td", { class: "bars" }, bar(task.started, task.duration, task.state)));
}

// Why a step began when it did.
function whyThen(step) {
  const later = step.waited > 0.001 ? seconds(step.waited) : "";
  if (step.after === "first") return later ? `${later} after the start` : "at the start";
  const what = step.after === "required" ? "waited for the one above" : "its worker was free";
  return later ? `${what}, and ${later} more` : what;
}

// Where in the run something lies, and how much of it it is.
function bar(start, length, state) {
  const all = timeline.end;
  const mark = make("span", { class: `mark ${state}` });
  mark.style.left = `${(100 * start) / all}%`;
  mark.style.width = `${(100 * length) / all}%`;
  return make("span", { class: "track" }, mark);
}

// The longest steps are shown, and between them how many others there are, to be opened.
function pathRows() {
  const { path } = data;
  const longest = path.map((_, place) => place)
    .sort((a, b) => tasks[path[b].task].duration - tasks[path[a].task].duration)
    .slice(0, LONGEST_STEPS);
  const kept = new Set([0, path.length - 1, ...longest]);
  const rows = [];
  for (let place = 0; place < path.length;) {
    let end = place;
    while (end < path.length && !kept.has(end)) end += 1;
    if (end - place > 1) rows.push(foldedRow(path.slice(place, end)));
    else if (end - place === 1) rows.push(stepRow(path[place]));
    if (end < path.length) rows.push(stepRow(path[end]));
    place = end + 1;
  }
  return rows;
}

function foldedRow(steps) {
  const first = tasks[steps[0].task];
  const last = tasks[steps[steps.length - 1].task];
  const length = steps.reduce((sum, step) => sum + tasks[step.task].duration, 0);
  const element = make("tr", { class: "folded" },
    make("td", { class: "figure" }, seconds(first.started)),
    make("td", { class: "figure" }, seconds(length)),
    make("td", { class: "wide" }, make("button", { type: "button", class: "plain", onclick: () => {
      element.replaceWith(...steps.map(stepRow));
    } }, `${grouped(steps.length)} shorter tasks`)),
    make("td", { class: "quiet" }, ""),
    make("td", { class: "bars" }, bar(first.started, endOf(last) - first.started, "ok")));
  return element;
}

function pathSummary() {
  const { path } = data;
  const ran = path.reduce((sum, step) => sum + tasks[step.task].duration, 0);
  const waited = path.reduce((sum, step) => sum + step.waited, 0);
  const byWorker = path.filter((step) => step.after === "worker").length;
  const byTask = path.filter((step) => step.after === "required").length;
  const busy = tasks.reduce((sum, task) => sum + (task.duration || 0), 0);
  const texts = [
    `The end of the run came from a chain of ${counted(path.length, "task")}, which ran for ` +
      `${seconds(ran)} of ${seconds(timeline.end)}` +
      (waited > 0.001 ? `; between them ${seconds(waited)} went by.` : "."),
    byTask ? `${grouped(byTask)} of them began when one that they waited for had ended.` : "",
    byWorker ? `${grouped(byWorker)} of them began when their worker was free.` : "",
    `On average ${(busy / timeline.end).toFixed(1)} tasks ran at a time.`,
  ];
  if (data.steps_left_out) texts.push(`The first ${grouped(data.steps_left_out)} aren't shown.`);
  return make("p", {}, texts.filter(Boolean).join(" "));
}

function slowestTable() {
  const rows = data.slowest.slice(0, 20).map((place) => {
    const task = tasks[place];
    return make("tr", {},
      make("td", { class: "figure" }, seconds(task.duration)),
      make("td", { class: "figure quiet" }, percent(task.duration / timeline.end)),
      make("td", { class: "wide" }, linkTo(place)),
      make("td", {}, badge(task.state)),
      make("td", { class: "bars" }, bar(0, task.duration, task.state)));
  });
  return table(["took", "of the run", "task", "", ""], rows, [0, 1]);
}

function table(titles, rows, figures) {
  const head = titles.map((text, place) => make("th", {
    scope: "col", class: figures.includes(place) ? "figure" : "",
  }, text));
  return make("div", { class: "scroll" }, make("table", { class: "rows" },
    make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

function startSlow() {
  if (!data.path.length) return false;
  byId("slow").append(
    make("h3", {}, "The critical path"), pathSummary(),
    table(["began at", "took", "task", "why then", ""], pathRows(), [0, 1]),
    make("h3", {}, "The slowest tasks"), slowestTable());
  return true;
}
