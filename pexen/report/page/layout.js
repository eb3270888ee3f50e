// Where nodes of a graph are drawn: in columns, each to the right of all that it waited for.
//
// An edge over several columns has a point in each of those between, which takes up a place
// there like a node does, so that it passes between nodes and not behind them.

const NODE_WIDTH = 200;
const NODE_HEIGHT = 28;
const COLUMN_GAP = 64;
const NODE_GAP = 12;
const POINT_HEIGHT = 6;
const SWEEPS = 8;

// Gives each node x and y, each edge its way; returns the size of it all. What isn't connected
// is drawn one below the other.
function layOut(part) {
  let width = 0;
  let height = 0;
  for (const piece of piecesOf(part)) {
    const size = layOutPiece(piece, height);
    width = Math.max(width, size.width);
    height = size.height + (part.nodes.length > piece.nodes.length ? NODE_GAP : 0);
  }
  return { width, height };
}

function piecesOf(part) {
  const piece = new Map(part.nodes.map((node) => [node.key, { nodes: [node], edges: [] }]));
  for (const edge of part.edges) {
    const [kept, other] = [piece.get(edge.from), piece.get(edge.to)];
    kept.edges.push(edge);
    if (kept === other) continue;
    kept.edges.push(...other.edges);
    kept.nodes.push(...other.nodes);
    for (const node of other.nodes) piece.set(node.key, kept);
  }
  return new Set(part.nodes.map((node) => piece.get(node.key)));
}

function layOutPiece(part, top) {
  const columns = columnsOf(part.nodes, part.edges);
  const items = new Map(part.nodes.map((node) => [node.key, node]));
  const layers = [];
  for (const node of part.nodes) {
    node.column = columns.get(node.key);
    Object.assign(node, { height: NODE_HEIGHT, before: [], after: [] });
    (layers[node.column] = layers[node.column] || []).push(node);
  }
  for (const edge of part.edges) {
    const [from, to] = [items.get(edge.from), items.get(edge.to)];
    edge.way = [from];
    for (let column = from.column + 1; column < to.column; column += 1) {
      const point = { column, height: POINT_HEIGHT, before: [], after: [] };
      layers[column].push(point);
      edge.way.push(point);
    }
    edge.way.push(to);
    for (let place = 1; place < edge.way.length; place += 1) {
      edge.way[place - 1].after.push(edge.way[place]);
      edge.way[place].before.push(edge.way[place - 1]);
    }
  }
  layers.forEach(stack);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    layers.forEach((layer) => arrange(layer, "before"));
    [...layers].reverse().forEach((layer) => arrange(layer, "after"));
  }
  return settle(layers, top);
}

// For each node its column: one more than the greatest of those it waited for.
function columnsOf(nodes, edges) {
  const columns = new Map(nodes.map((node) => [node.key, 0]));
  const waiting = new Map(nodes.map((node) => [node.key, 0]));
  const next = new Map(nodes.map((node) => [node.key, []]));
  for (const edge of edges) {
    waiting.set(edge.to, waiting.get(edge.to) + 1);
    next.get(edge.from).push(edge.to);
  }
  const ready = nodes.map((node) => node.key).filter((key) => !waiting.get(key));
  while (ready.length) {
    const key = ready.shift();
    for (const each of next.get(key)) {
      columns.set(each, Math.max(columns.get(each), columns.get(key) + 1));
      waiting.set(each, waiting.get(each) - 1);
      if (!waiting.get(each)) ready.push(each);
    }
  }
  // What begins in the first column only for want of anything before it, goes next to what follows.
  for (const node of nodes) {
    const after = next.get(node.key).map((key) => columns.get(key));
    if (after.length && !edges.some((edge) => edge.to === node.key)) {
      columns.set(node.key, Math.max(0, Math.min(...after) - 1));
    }
  }
  return columns;
}

function stack(layer) {
  let y = 0;
  for (const item of layer) {
    item.y = y + item.height / 2;
    y += item.height + NODE_GAP;
  }
}

// Order the items of a column by where their neighbours are, and place each as near to those as
// the others let it: items that would overlap move together, to where suits them all best.
function arrange(layer, side) {
  for (const item of layer) {
    const neighbours = item[side];
    item.wish = neighbours.length
      ? neighbours.reduce((sum, each) => sum + each.y, 0) / neighbours.length
      : item.y;
  }
  layer.sort((a, b) => a.wish - b.wish);
  const blocks = []; // {items, start}: start is where the column would begin for them
  let offset = 0; // of an item from the first of the column, if all were as close as can be
  layer.forEach((item, place) => {
    if (place > 0) offset += layer[place - 1].height / 2 + NODE_GAP + item.height / 2;
    item.offset = offset;
    let block = { items: [item], start: item.wish - offset };
    while (blocks.length && blocks[blocks.length - 1].start > block.start) {
      const above = blocks.pop();
      const [few, more] = [above.items.length, block.items.length];
      const start = (above.start * few + block.start * more) / (few + more);
      block = { items: [...above.items, ...block.items], start };
    }
    blocks.push(block);
  });
  for (const block of blocks) {
    for (const item of block.items) item.y = block.start + item.offset;
  }
}

// Move everything up to the top, and give it its place across.
function settle(layers, top) {
  const items = layers.flat();
  const least = Math.min(...items.map((item) => item.y - item.height / 2)) - 4;
  for (const item of items) {
    item.x = 4 + item.column * (NODE_WIDTH + COLUMN_GAP);
    item.y = Math.round(item.y - least + top);
  }
  return {
    width: 8 + layers.length * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP,
    height: Math.max(...items.map((item) => item.y + item.height / 2)) + 4,
  };
}

// The line of an edge: curved between columns, straight across those that it passes.
function wayOf(edge) {
  const [first, ...rest] = edge.way;
  let [x, y] = [first.x + NODE_WIDTH, first.y];
  let line = `M${x} ${y}`;
  for (const item of rest) {
    const half = (item.x - x) / 2;
    line += `C${x + half} ${y} ${item.x - half} ${item.y} ${item.x} ${item.y}`;
    [x, y] = [item.x, item.y];
    if (item.key === undefined) {
      x += NODE_WIDTH;
      line += `H${x}`;
    }
  }
  return line;
}
