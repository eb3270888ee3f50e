// The list of tasks: which are shown, in what order, and how many.

const FIRST_ROWS = 40;
const MORE_ROWS = 400;
const FAR_ROWS = 2000; // a task further down is shown alone, as so many rows take long to lay out

const shown = {
  states: new Set(), // none chosen: all are shown
  words: [], // all of which a task must have, in lower case
  only: null, // the number of the only task to be shown; null: what the others say
  cause: null, // a kind of reason, from causeOf, that a task must have; null: any
  order: "state",
  rows: FIRST_ROWS,
};

const ORDERS = {
  state: ["what broke first", (a, b) => rank(a) - rank(b) || a.number - b.number],
  slow: ["slowest first", (a, b) => (b.duration || 0) - (a.duration || 0) || a.number - b.number],
  start: ["as they started", (a, b) => startOf(a) - startOf(b) || a.number - b.number],
  name: ["by name", (a, b) => a.name.localeCompare(b.name, "en") || a.number - b.number],
};

const list = {
  rows: make("div", { id: "rows" }),
  summary: make("p", { class: "quiet", "aria-live": "polite" }),
  more: make("p", { class: "more" }),
  search: make("input", {
    type: "search", placeholder: "Search names, reasons and texts",
    "aria-label": "Search names, reasons and texts", spellcheck: "false",
  }),
  matching: [],
};

function rank(task) {
  return data.states.indexOf(task.state);
}

function startOf(task) {
  return task.started === undefined ? Infinity : task.started;
}

// What tasks that failed alike have in common: the reason's first line, but for its numbers.
function causeOf(task) {
  if (well.has(task.state) || !task.reason) return null;
  return firstLine(task.reason).replace(/0x[0-9a-f]+|\d+([.:]\d+)*/gi, "…").slice(0, 300);
}

function matches(task) {
  if (shown.only !== null) return task.number === shown.only;
  if (shown.states.size && !shown.states.has(task.state)) return false;
  if (shown.cause !== null && causeOf(task) !== shown.cause) return false;
  if (!shown.words.length) return true;
  task.text = task.text || searchable(task);
  return shown.words.every((word) => task.text.includes(word));
}

function searchable(task) {
  const results = (task.results || []).flatMap((each) => [each.name, each.note]);
  const texts = [task.name, task.reason, task.traceback, task.output, ...results];
  return texts.filter(Boolean).join("\n").toLowerCase();
}

// Show the list anew, from its beginning; or only one task.
function refresh(only = null) {
  shown.only = only;
  shown.rows = FIRST_ROWS;
  list.matching = tasks.filter(matches).sort(ORDERS[shown.order][1]);
  list.rows.replaceChildren();
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", shown.states.has(chip.dataset.state));
  }
  for (const cause of document.querySelectorAll("#causes button")) {
    cause.setAttribute("aria-pressed", cause.dataset.cause === shown.cause);
  }
  addRows();
}

// Bring what is shown up to the number of rows it should have.
function addRows() {
  const { rows, matching } = list;
  let done = rows.querySelectorAll(".task").length;
  for (const task of matching.slice(done, shown.rows)) {
    if (shown.order === "state" && (done === 0 || matching[done - 1].state !== task.state)) {
      rows.append(groupHead(task.state));
    }
    rows.append(row(task));
    done += 1;
  }
  const left = matching.length - done;
  list.summary.textContent = summary(done);
  list.more.replaceChildren();
  if (left > 0) {
    const step = Math.min(left, MORE_ROWS);
    const text = `Show ${grouped(step)} more${step < left ? ` of ${grouped(left)}` : ""}`;
    list.more.append(make("button", { type: "button", onclick: () => {
      shown.rows += MORE_ROWS;
      addRows();
    } }, text));
  }
}

function summary(done) {
  const found = list.matching.length;
  const { states, words, only, cause } = shown;
  const filtered = states.size || words.length || only !== null || cause !== null;
  if (!found) return filtered ? "No task is like that." : "There are no tasks.";
  const texts = [(done < found ? `${grouped(done)} of ` : "") + counted(found, "task")];
  if (filtered) texts.push("filtered");
  if (data.left_out) {
    texts.push(`${counted(data.left_out, "task")} more had no room in this page`);
  }
  return texts.join(", ");
}

function groupHead(state) {
  const amount = list.matching.filter((task) => task.state === state).length;
  return make("h3", { class: "group" }, `${state} `, make("small", {}, grouped(amount)));
}

function row(task) {
  const head = make("summary", {},
    badge(task.state),
    make("span", { class: "name", title: task.name }, ...nameParts(task)),
    make("span", { class: "why" }, task.reason ? firstLine(task.reason) : ""),
    make("span", { class: "time" }, seconds(task.duration)));
  const element = make("details", { class: "task", id: `task-${task.number}` }, head);
  element.addEventListener("toggle", () => {
    if (element.open && element.children.length === 1) element.append(details(task));
  });
  return element;
}

// Open a task in the list, whatever filter hides it, and go there.
function reveal(number) {
  if (!tasks[number]) return;
  if (!list.matching.includes(tasks[number])) clearFilters();
  const place = list.matching.indexOf(tasks[number]);
  if (place >= FAR_ROWS) {
    refresh(number);
  } else if (place >= shown.rows) {
    shown.rows = place + 10;
    addRows();
  }
  const element = byId(`task-${number}`);
  element.open = true;
  element.scrollIntoView({ block: "center", behavior: plainLook.matches ? "auto" : "smooth" });
  element.firstChild.focus({ preventScroll: true });
}

function clearFilters() {
  shown.states.clear();
  shown.words = [];
  shown.cause = null;
  list.search.value = "";
  refresh();
}

function toggleState(state) {
  if (!shown.states.delete(state)) shown.states.add(state);
  refresh();
}

// The reasons that several tasks have, most frequent first; those of blocked tasks last, as
// they follow from others.
function causes() {
  const found = new Map();
  for (const task of tasks) {
    const cause = causeOf(task);
    if (cause === null) continue;
    if (!found.has(cause)) found.set(cause, { cause, state: task.state, amount: 0 });
    found.get(cause).amount += 1;
  }
  const most = [...found.values()].filter((each) => each.amount > 1);
  const follows = (each) => each.state === "blocked";
  most.sort((a, b) => follows(a) - follows(b) || b.amount - a.amount);
  return most.slice(0, 8).map(causeItem);
}

function causeItem({ cause, state, amount }) {
  const choose = () => {
    shown.cause = shown.cause === cause ? null : cause;
    refresh();
  };
  return make("li", {}, make("button", {
    type: "button", "aria-pressed": "false", "data-cause": cause, onclick: choose,
  }, make("b", {}, `${grouped(amount)} ×`), badge(state), make("span", { class: "cause" }, cause)));
}

function startList() {
  const order = make("select", { "aria-label": "Order of the list", onchange: () => {
    shown.order = order.value;
    refresh();
  } }, ...Object.entries(ORDERS).map(([key, [text]]) => make("option", { value: key }, text)));
  let timer = 0;
  list.search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      shown.words = list.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      refresh();
    }, 120);
  });
  const frequent = causes();
  byId("tasks").append(
    frequent.length ? make("h3", {}, "Most frequent reasons") : "",
    frequent.length ? make("ul", { id: "causes" }, ...frequent) : "",
    make("div", { class: "controls" }, list.search, order, make("button", {
      type: "button", onclick: clearFilters,
    }, "Clear filters")),
    list.summary, list.rows, list.more);
  for (const chip of document.querySelectorAll(".chip")) {
    chip.disabled = false;
    chip.addEventListener("click", () => toggleState(chip.dataset.state));
  }
  refresh();
}
