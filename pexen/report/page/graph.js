// The graph: a choice of its parts, and the part that is chosen.

const SMALL = 60; // a run of no more tasks can be seen whole

const graph = {
  choice: make("select", { "aria-label": "Part of the graph" }),
  around: make("option", { value: "around", hidden: "" }),
  text: make("p", { class: "quiet" }),
  picture: make("div", { class: "scroll picture", tabindex: "0", role: "group",
    "aria-label": "Graph; what is on the right waited for what is on the left" }),
  number: null, // of the task around which the graph was last shown
};

const PARTS = {
  broke: ["what broke, and what that blocked", whatBroke, () => victims.size > 0],
  path: ["the end of the critical path", lastSteps, () => data.path.length > 1],
  all: ["all tasks", everything, () => tasks.length <= SMALL],
};

function showPart() {
  const chosen = graph.choice.value;
  const part = chosen === "around" ? around(graph.number) : PARTS[chosen][1]();
  graph.text.textContent = part.text;
  graph.picture.replaceChildren(draw(part));
  graph.picture.scrollLeft = chosen === "path" ? graph.picture.scrollWidth : 0;
}

// Show what a task waited for, and what waited for it.
function showAround(number) {
  graph.number = number;
  graph.around.hidden = false;
  graph.around.textContent = `around ${splitName(tasks[number])[1]}`;
  graph.choice.value = "around";
  showPart();
  byId("graph").scrollIntoView({ behavior: plainLook.matches ? "auto" : "smooth" });
  graph.picture.focus({ preventScroll: true });
}

function draw(part) {
  const { width, height } = layOut(part);
  const picture = makeSvg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  // The lines that matter are drawn over the others.
  const edges = [...part.edges].sort((a, b) => a.look.length - b.look.length);
  for (const edge of edges) {
    picture.append(makeSvg("path", { d: wayOf(edge), class: `edge ${edge.look}` }));
  }
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  for (const node of part.nodes) picture.append(drawNode(node, pen));
  return picture;
}

function drawNode(node, pen) {
  const number = node.group ? node.group[0] : node.task;
  const task = tasks[number];
  const own = splitName(task)[1];
  const label = node.group ? `${grouped(node.group.length)} tasks like ${own}` : own;
  const names = (node.group || [node.task]).slice(0, 20).map((each) => tasks[each].name);
  const rest = (node.group || []).length - names.length;
  const tip = [task.state, ...names, rest > 0 ? `and ${grouped(rest)} more` : ""];
  const chosen = number === graph.number && graph.choice.value === "around" ? " chosen" : "";
  const look = `node ${task.state}${node.group ? " group" : ""}${chosen}`;
  const y = node.y - NODE_HEIGHT / 2;
  return makeSvg("a", { href: `#task-${number}`, class: look },
    makeSvg("title", {}, tip.filter(Boolean).join("\n")),
    makeSvg("rect", { x: node.x, y, width: NODE_WIDTH, height: NODE_HEIGHT, rx: 5, class: "box" }),
    makeSvg("rect", { x: node.x, y, width: 6, height: NODE_HEIGHT, rx: 3, class: "stripe" }),
    makeSvg("text", { x: node.x + 14, y: node.y + 4 }, cutToWidth(pen, label, NODE_WIDTH - 22)));
}

function startGraph() {
  const possible = Object.entries(PARTS).filter(([, [, , there]]) => there());
  if (!possible.length || !tasks.some((task) => task.followed.length)) return false;
  graph.choice.append(
    ...possible.map(([key, [text]]) => make("option", { value: key }, text)), graph.around);
  graph.choice.addEventListener("change", showPart);
  byId("graph").append(make("div", { class: "controls" }, graph.choice), graph.text, graph.picture);
  showPart();
  return true;
}
