// What is shown of a task when its row is opened.

const FEW_LINKS = 12;

function details(task) {
  const blocked = victims.get(task.number) || [];
  return make("div", { class: "details" },
    facts(task),
    task.reason ? part("Why", make("p", { class: "reason" }, task.reason)) : null,
    task.state === "blocked" ? links("Because of", task.culprits || []) : null,
    links("Kept from running", blocked),
    task.results ? part("Its own results", results(task)) : null,
    task.traceback ? part("Traceback", long("Traceback", task.traceback)) : null,
    task.output ? part("Output", long("Output", task.output)) : null,
    task.rerun ? part("To run it again", make("code", { class: "rerun" }, task.rerun)) : null,
    links("Waited for", task.followed, task.followed_left_out));
}

function part(title, ...children) {
  return make("div", { class: "part" }, make("h4", {}, title), ...children);
}

function facts(task) {
  const texts = [];
  if (task.started !== undefined) texts.push(`started at ${seconds(task.started)}`);
  if (task.duration !== undefined) texts.push(`took ${seconds(task.duration)}`);
  if (task.attempts) texts.push(`${task.attempts} attempts`);
  if (task.worker !== undefined) texts.push(`on ${data.workers[task.worker]}`);
  if (task.started === undefined) texts.push("never started");
  if (onPath.has(task.number)) texts.push("on the critical path");
  const line = make("p", { class: "quiet facts" }, texts.join(" · "));
  if (task.followed.length || followers[task.number].length) {
    line.append(" · ", make("button", {
      type: "button", class: "plain", onclick: () => showAround(task.number),
    }, "show in the graph"));
  }
  return line;
}

// Focusable, as else a keyboard couldn't scroll it.
function long(title, text) {
  return make("pre", { tabindex: "0", "aria-label": title }, text);
}

function links(title, numbers, leftOut = 0) {
  if (!numbers.length) return null;
  const items = make("ul", { class: "links" });
  const add = (some) => items.append(...some.map((each) => make("li", {}, linkTo(each))));
  add(numbers.slice(0, FEW_LINKS));
  const rest = numbers.slice(FEW_LINKS);
  if (rest.length) {
    const button = make("button", { type: "button", class: "plain", onclick: () => {
      button.parentNode.remove();
      add(rest);
    } }, `${grouped(rest.length)} more`);
    items.append(make("li", {}, button));
  }
  if (!leftOut) return part(title, items);
  return part(title, items, make("p", { class: "quiet" }, `${grouped(leftOut)} more had no room`));
}

function results(task) {
  const rows = task.results.map((each) => make("tr", {},
    make("td", {}, make("span", { class: `badge ${stateOfResult(each.outcome)}` }, each.outcome)),
    make("td", { class: "own" }, each.name),
    make("td", {}, make("span", { class: "note" }, each.note))));
  const table = make("table", { class: "results" }, make("tbody", {}, ...rows));
  if (task.results_left_out) {
    const text = `${counted(task.results_left_out, "more result")} had no room`;
    table.append(make("caption", {}, text));
  }
  return table;
}

// The look of a result: its words aren't only those that tasks have.
function stateOfResult(outcome) {
  const looks = { ok: "ok", "expected failure": "ok", skip: "skipped", skipped: "skipped",
    warn: "warn", info: "info" };
  return looks[outcome] || "failed";
}
