// Which part of the graph is shown: a graph of all tasks can't be read.
//
// A part is {nodes, edges, text}: a node is {key, task} or, for several tasks that wait for the
// same, {key, group}; an edge is {from, to, look}, of keys.

const MOST_NODES = 60;
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
  const nodes = new Map();
  let culpritsShown = 0;
  for (const culprit of culprits) {
    if (nodes.size && nodes.size + 2 > MOST_NODES) break;
    culpritsShown += 1;
    nodes.set(culprit, single(culprit));
    const queue = [culprit];
    while (queue.length && nodes.size < MOST_NODES) {
      for (const node of asNodes(kept.get(queue.shift()) || [], kept)) {
        const first = node.group ? node.group[0] : node.task;
        if (nodes.has(first) || nodes.size >= MOST_NODES) continue;
        nodes.set(first, node);
        if (!node.group) queue.push(first);
      }
    }
  }
  const links = [...kept].flatMap(([from, some]) => some.map((to) => [from, to, "broke"]));
  const chosen = [...nodes.values()];
  return partOf(chosen, links, textOfBroken(chosen, culpritsShown, culprits.length));
}

function textOfBroken(nodes, culpritsShown, culprits) {
  const blocked = tasks.filter((task) => task.state === "blocked").length;
  const seen = nodes.reduce((sum, node) => sum + (node.group || [node.task])
    .filter((each) => tasks[each].state === "blocked").length, 0);
  const from = culpritsShown < culprits
    ? `${grouped(culpritsShown)} of ${counted(culprits, "task")} that kept others from running, those that did to most`
    : `${counted(culprits, "task")} that kept others from running`;
  const what = seen < blocked ? `${grouped(seen)} of ${grouped(blocked)}` : grouped(blocked);
  return `${from}; ${what} blocked.`;
}

// As nodes: those that kept nothing further, and waited for the same, are a node together.
function asNodes(numbers, kept) {
  const together = new Map();
  for (const number of numbers) {
    const key = kept.has(number) ? `t${number}` : blockersOf(number).sort((a, b) => a - b).join();
    if (!together.has(key)) together.set(key, []);
    together.get(key).push(number);
  }
  return [...together.values()].flatMap((group) => (
    group.length > 2 ? [{ key: `g${group[0]}`, group }] : group.map(single)));
}

// The last steps of the critical path, with what else they waited for last.
function lastSteps() {
  const steps = data.path.slice(-LAST_STEPS);
  const numbers = new Set(steps.map((step) => step.task));
  const links = [];
  steps.forEach((step, place) => {
    if (place === 0) return;
    const look = step.after === "required" ? "path" : "path worker";
    links.push([steps[place - 1].task, step.task, look]);
  });
  for (const step of steps) {
    const others = tasks[step.task].followed.filter((each) => !numbers.has(each));
    others.sort((a, b) => endOf(tasks[b]) - endOf(tasks[a]) || a - b);
    for (const each of others.slice(0, 2)) numbers.add(each);
  }
  const all = linksAmong([...numbers]);
  const cut = steps.length < data.path.length
    ? `The last ${steps.length} of ${counted(data.path.length, "task")} on the critical path`
    : `The ${counted(steps.length, "task")} on the critical path`;
  const text = `${cut}, in bold, and what else they waited for. A dashed line: the worker had to be free.`;
  return partOf([...numbers].map(single), [...all, ...links], text);
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
