// What all parts of the page use: the data, elements, and how values are put into words.
//
// Texts of the run reach the page by textContent and setAttribute alone, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const tasks = data.tasks;
const bad = new Set(data.bad);
const well = new Set(["skipped", "ok", "fresh"]);
const plainLook = matchMedia("(prefers-reduced-motion: reduce)");

// For each task the numbers of those that waited for it.
const followers = tasks.map(() => []);
tasks.forEach((task, number) => {
  task.number = number;
  task.followed = task.followed || [];
  for (const each of task.followed) followers[each].push(number);
});

// For each task that blocked others, the numbers of these.
const victims = new Map();
for (const task of tasks) {
  for (const culprit of task.culprits || []) {
    if (!victims.has(culprit)) victims.set(culprit, []);
    victims.get(culprit).push(task.number);
  }
}

const onPath = new Set(data.path.map((step) => step.task));

function byId(id) {
  return document.getElementById(id);
}

// An element with attributes (those named on… are listeners), and elements or texts in it.
function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function makeSvg(tag, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function badge(state) {
  return make("span", { class: `badge ${state}` }, state);
}

// A task's name in two elements: the folder that it is in, which may be cut, and its own.
function nameParts(task) {
  const [folder, own] = splitName(task);
  return [make("span", { class: "folder" }, folder), make("span", { class: "own" }, own)];
}

function splitName(task) {
  const end = task.name.lastIndexOf("/") + 1;
  return [task.name.slice(0, end), task.name.slice(end)];
}

function linkTo(number) {
  const task = tasks[number];
  return make("a", { href: `#task-${number}`, class: `link ${task.state}` }, task.name);
}

function seconds(amount) {
  if (amount === undefined || amount === null) return "";
  if (amount < 0.001) return amount === 0 ? "0 s" : `${Math.round(amount * 1e6)} µs`;
  if (amount < 0.1) return `${Math.round(amount * 1e3)} ms`;
  if (amount < 9.995) return `${amount.toFixed(2)} s`;
  if (amount < 59.95) return `${amount.toFixed(1)} s`;
  const whole = Math.round(amount);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function grouped(amount) {
  return amount.toLocaleString("en");
}

function counted(amount, noun) {
  return `${grouped(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

function percent(share) {
  return `${Math.min(100, 100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function endOf(task) {
  return (task.started || 0) + (task.duration || 0);
}

// Whether there is a bar to be drawn of it.
function hasTimes(task) {
  return task.started !== undefined && task.duration !== undefined;
}

function firstLine(text) {
  return text.split("\n", 1)[0];
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
