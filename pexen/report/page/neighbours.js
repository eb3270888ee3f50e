// Which part of the graph is shown: a graph of all tasks can't be read.
//
// A part is {nodes, edges, text}: a node is {key, task} or, for several tasks that wait for the
// same, {key, group}; an edge is {from, to, look}, of keys.

const MOST_NODES = 40;
const MOST_FAN = 5; // nodes of a kind that follow a single one
const MOST_AROUND = 36;
const LAST_STEPS = 12;

function partOf(nodes, links, text) {
  const keys = new Map();
  for (const node of nodes) {
    for (const member of node.group || [node.task]) keys.set(member, node.key);
  }
  const edges = new Map();
  for (const [from, to, look] of links) {
    const [a, b] = [keys.get(from), keys.get(to)];
    if (a === undefined || b === undefined || a === b) continue;
    const known = edges.get(`${a} ${b}`);
    if (!known || look) edges.set(`${a} ${b}`, { from: a, to: b, look: look || "" });
  }
  return { nodes, edges: [...edges.values()], text };
}

function single(number) {
  return { key: `t${number}`, task: number };
}

function linksAmong(numbers) {
  return numbers.flatMap((to) => tasks[to].followed.map((from) => [from, to, ""]));
}

// What a blocked task waited for that did not end well.
function blockersOf(number) {
  const blocked = tasks[number].followed.filter((each) => tasks[each].state === "blocked");
  const culprits = new Set(tasks[number].culprits || []);
  return [...blocked, ...tasks[number].followed.filter((each) => culprits.has(each))];
}

// The failures that kept others from running, those first that did to most, and these others.
function whatBroke() {
  const kept = new Map(); // for each task, those that it kept from running directly
  for (const task of tasks) {
    if (task.state !== "blocked") continue;
    for (const each of blockersOf(task.number)) {
      if (!kept.has(each)) kept.set(each, []);
      kept.get(each).push(task.number);
    }
  }
  const culprits = [...victims.keys()].sort((a, b) => (
    victims.get(b).length - victims.get(a).length || a - b));
  const nodes = [];
  const reached = new Set(); // the numbers of all tasks in them
  let culpritsShown = 0;
  for (const culprit of culprits) {
    if (nodes.length + 2 > MOST_NODES) break;
    culpritsShown += 1;
    nodes.push(single(culprit));
    reached.add(culprit);
    const queue = [culprit];
    while (queue.length) {
      const next = (kept.get(queue.shift()) || []).filter((each) => !reached.has(each));
      for (const node of asNodes(next, kept)) {
        if (nodes.length >= MOST_NODES) break;
        if (!node.group) queue.push(node.task);
        nodes.push(node);
        for (const each of node.group || [node.task]) reached.add(each);
      }
    }
  }
  const links = [...kept].flatMap(([from, some]) => some.map((to) => [from, to, "broke"]));
  return partOf(nodes, links, textOfBroken(nodes, culpritsShown, culprits.length));
}

function textOfBroken(nodes, culpritsShown, culprits) {
  const blocked = tasks.filter((task) => task.state === "blocked").length;
  const seen = nodes.reduce((sum, node) => sum + (node.group || [node.task])
    .filter((each) => tasks[each].state === "blocked").length, 0);
  const from = culpritsShown < culprits
    ? `${grouped(culpritsShown)} of the ${grouped(culprits)} tasks that kept others from running, ` +
      "those that kept most"
    : `The ${counted(culprits, "task")} that kept others from running`;
  const what = seen < blocked
    ? `${grouped(seen)} of the ${grouped(blocked)} blocked ones`
    : `the ${grouped(blocked)} that they blocked`;
  return `${from}, and ${what}. A line leads to what waited.`;
}

// Blocked tasks as nodes: those that kept most others, and of the rest those that waited for the
// same in one node; all that are still too many in another.
function asNodes(numbers, kept) {
  const size = (number) => (kept.get(number) || []).length;
  const sorted = [...numbers].sort((a, b) => size(b) - size(a) || a - b);
  const alone = sorted.filter(size).slice(0, MOST_FAN);
  const together = new Map();
  for (const number of sorted.slice(alone.length)) {
    const key = size(number) ? "others" : blockersOf(number).sort((a, b) => a - b).join();
    if (!together.has(key)) together.set(key, []);
    together.get(key).push(number);
  }
  const groups = [...together.values()].sort((a, b) => b.length - a.length);
  const rest = groups.slice(MOST_FAN - 1).flat();
  const kinds = [...groups.slice(0, MOST_FAN - 1), ...(rest.length ? [rest] : [])];
  return [...alone.map(single), ...kinds.map((group) => (
    group.length > 1 ? { key: `g${group[0]}`, group } : single(group[0])))];
}

// The last steps of the critical path, with what else each of them waited for last.
function lastSteps() {
  const steps = data.path.slice(-LAST_STEPS);
  const numbers = new Set(steps.map((step) => step.task));
  const links = [];
  steps.forEach((step, place) => {
    if (place > 0) {
      const look = step.after === "required" ? "path" : "path worker";
      links.push([steps[place - 1].task, step.task, look]);
    }
    const others = tasks[step.task].followed.filter((each) => !numbers.has(each));
    if (!others.length) return;
    const last = others.reduce((a, b) => (endOf(tasks[b]) > endOf(tasks[a]) ? b : a));
    numbers.add(last);
    links.push([last, step.task, ""]);
  });
  const cut = steps.length < data.path.length
    ? `The last ${steps.length} of ${counted(data.path.length, "task")} on the critical path`
    : `The ${counted(steps.length, "task")} on the critical path`;
  const text = "in bold, and what else each waited for last. A dashed line: its worker was free.";
  return partOf([...numbers].map(single), links, `${cut}, ${text}`);
}

// What a task waited for and what waited for it, as far as there is room, the nearest first.
function around(number) {
  const reached = new Set([number]);
  for (const next of [(each) => tasks[each].followed, (each) => followers[each]]) {
    const room = reached.size + MOST_AROUND / 2;
    const queue = [number];
    while (queue.length) {
      for (const each of next(queue.shift())) {
        if (reached.has(each) || reached.size >= room) continue;
        reached.add(each);
        queue.push(each);
      }
    }
  }
  const numbers = [...reached].sort((a, b) => a - b);
  const before = tasks[number].followed.length + (tasks[number].followed_left_out || 0);
  const text = `It waited for ${counted(before, "task")}, ` +
    `and ${counted(followers[number].length, "task")} waited for it.`;
  const links = linksAmong(numbers).map(([from, to]) => [
    from, to, tasks[to].state === "blocked" && blockersOf(to).includes(from) ? "broke" : "",
  ]);
  return partOf(numbers.map(single), links, text);
}

// All tasks, for a run that is small enough.
function everything() {
  const numbers = tasks.map((task) => task.number);
  const links = linksAmong(numbers).map(([from, to]) => [
    from, to, tasks[to].state === "blocked" && blockersOf(to).includes(from) ? "broke" : "",
  ]);
  return partOf(numbers.map(single), links, `All ${counted(tasks.length, "task")}.`);
}
