// Starts the page: fills its sections, and hides those that have nothing to show.

function startHead() {
  const began = byId("began");
  if (began) {
    const moment = new Date(began.dateTime);
    began.title = began.textContent;
    began.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
  }
  // The same counts as a strip, each as long as its share.
  const total = Object.values(data.counts).reduce((sum, amount) => sum + amount, 0);
  let left = 0;
  for (const state of data.states) {
    const share = (100 * (data.counts[state] || 0)) / (total || 1);
    if (!share) continue;
    byId("shares").append(makeSvg("rect", {
      x: `${left}%`, y: 0, width: `${share}%`, height: "100%", class: `share ${state}`,
    }));
    left += share;
  }
}

function startAbout() {
  if (!data.about.length) return false;
  const rows = data.about.map(([key, value]) => make("tr", {},
    make("th", { scope: "row" }, key), make("td", {}, value)));
  byId("about").append(make("table", { class: "about" }, make("tbody", {}, ...rows)));
  return true;
}

function startTasks() {
  startList();
  return true;
}

function followHash() {
  const found = /^#task-(\d+)$/.exec(location.hash);
  if (found) reveal(Number(found[1]));
}

byId("main").hidden = false;
startHead();
const sections = {
  tasks: startTasks, timeline: startTimeline, slow: startSlow, graph: startGraph, about: startAbout,
};
for (const [id, start] of Object.entries(sections)) {
  if (start()) continue;
  byId(id).remove();
  document.querySelector(`nav a[href="#${id}"]`).remove();
}
addEventListener("hashchange", followHash);
// A second click on a link leads there as the first one did, though the address doesn't change.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link && link.getAttribute("href") === location.hash) followHash();
});
followHash();
