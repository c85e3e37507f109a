// The live page. Reads server-sent events with fetch rather than EventSource, which cannot send a key.

const HISTORY_SECONDS = 120;
const KEY_NAME = 'quickserveml-key';
const MIB = 2 ** 20;
const history = [];
let paused = false;
let ending = false;

const element = id => document.getElementById(id);
const say = (id, text) => {
  const target = element(id);
  // Only what changes, so that screen readers and selections are left alone.
  if (target.textContent !== text) target.textContent = text;
};

const shown = (value, digits = 0) => (value === null || value === undefined ? '-' : value.toFixed(digits));
const duration = value =>
  value === null || value === undefined ? '-' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function drawLine(svg, values, most, className) {
  const step = 100 / (HISTORY_SECONDS - 1);
  const points = values.flatMap((value, index) =>
    value === null
      ? []
      : [`${(100 - (values.length - 1 - index) * step).toFixed(2)},${(38 - (36 * value) / most).toFixed(2)}`],
  );
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('points', points.join(' '));
  if (className !== '') line.setAttribute('class', className);
  svg.append(line);
}

function draw(id, first, second = null) {
  const svg = element(id);
  svg.setAttribute('viewBox', '0 0 100 40');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.replaceChildren();
  const all = [...first, ...(second ?? [])].filter(value => value !== null);
  const most = Math.max(1e-9, ...all);
  drawLine(svg, first, most, '');
  if (second !== null) drawLine(svg, second, most, 'second');
}

function fill(id, rows) {
  const body = element(id);
  body.replaceChildren(
    ...rows.map(cells => {
      const row = document.createElement('tr');
      row.append(
        ...cells.map(text => {
          const cell = document.createElement('td');
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    }),
  );
}

const memoryOf = state =>
  state.residentBytes + state.workers.reduce((sum, each) => sum + (each.residentBytes ?? 0), 0);
const waitingOf = state => state.queues.reduce((sum, queue) => sum + queue.waiting, 0);

function modelRows(state) {
  return state.queues.map(queue => {
    const live = state.models.find(each => each.model === queue.model && each.version === queue.version);
    return [
      queue.model,
      queue.version,
      shown(live?.requestsPerSecond ?? 0, 1),
      duration(live?.p50Ms),
      duration(live?.p99Ms),
      duration(live?.inferenceP50Ms),
      shown(live?.meanBatchSize, 1),
      String(queue.waiting),
    ];
  });
}

function show(state) {
  history.push({
    throughput: state.figures.requestsPerSecond,
    p50: state.figures.p50Ms,
    p99: state.figures.p99Ms,
    waiting: waitingOf(state),
    memory: memoryOf(state) / MIB,
  });
  if (history.length > HISTORY_SECONDS) history.shift();
  if (paused) return;
  const { figures } = state;
  document.body.dataset.status = state.status;
  say('status-text', state.status);
  fillReasons(state.reasons);
  say('throughput', shown(figures.requestsPerSecond, figures.requestsPerSecond < 10 ? 1 : 0));
  say(
    'throughput-note',
    `${shown(figures.errorsPerSecond, 1)} errors/s, ${shown(figures.rejectedPerSecond, 1)} turned away/s`,
  );
  say('latency', duration(figures.p50Ms));
  say('latency-note', `p95 ${duration(figures.p95Ms)} ms, p99 ${duration(figures.p99Ms)} ms (dashed)`);
  say('queue', String(waitingOf(state)));
  say('queue-note', `${state.inFlight} in flight, ${state.connections} connections`);
  say('memory', shown(memoryOf(state) / MIB));
  say(
    'memory-note',
    `server ${shown(state.residentBytes / MIB)} MiB, workers ${shown((memoryOf(state) - state.residentBytes) / MIB)} MiB`,
  );
  draw(
    'throughput-chart',
    history.map(each => each.throughput),
  );
  draw(
    'latency-chart',
    history.map(each => each.p50),
    history.map(each => each.p99),
  );
  draw(
    'queue-chart',
    history.map(each => each.waiting),
  );
  draw(
    'memory-chart',
    history.map(each => each.memory),
  );
  fill('models', modelRows(state));
  fill(
    'workers',
    state.workers.map(each => [
      String(each.worker),
      each.state,
      each.residentBytes === null ? '-' : shown(each.residentBytes / MIB),
      String(each.runs),
      String(each.restarts),
    ]),
  );
  say('version', `QuickServeML ${state.version}, up for ${Math.floor(state.uptimeMs / 60000)} min`);
}

function fillReasons(reasons) {
  const list = element('reasons');
  if (
    list.children.length === reasons.length &&
    reasons.every((text, index) => list.children[index].textContent === text)
  )
    return;
  list.replaceChildren(
    ...reasons.map(text => {
      const item = document.createElement('li');
      item.textContent = text;
      return item;
    }),
  );
}

function lost(text) {
  document.body.dataset.status = 'lost';
  say('status-text', text);
}

async function follow() {
  const key = sessionStorage.getItem(KEY_NAME);
  const response = await fetch('dashboard/events', {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
  });
  if (response.status === 401) {
    element('key-form').hidden = false;
    say('key-problem', key === null ? '' : 'The server does not know this key.');
    sessionStorage.removeItem(KEY_NAME);
    lost('a key is needed');
    return 'stop';
  }
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  element('key-form').hidden = true;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return 'again';
    text += value;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const data = event.split('\n').find(line => line.startsWith('data: '));
      if (data !== undefined) show(JSON.parse(data.slice(6)));
    }
  }
}

async function run() {
  while (!ending) {
    try {
      if ((await follow()) === 'stop') return;
      lost('the connection has ended, trying again');
    } catch (error) {
      lost(`no connection, trying again (${error.message})`);
    }
    await new Promise(resolve => setTimeout(resolve, 2000));
  }
}

element('key-form').addEventListener('submit', event => {
  event.preventDefault();
  sessionStorage.setItem(KEY_NAME, element('key').value.trim());
  element('key').value = '';
  run();
});
element('pause').addEventListener('click', () => {
  paused = !paused;
  element('pause').setAttribute('aria-pressed', String(paused));
});
addEventListener('pagehide', () => {
  ending = true;
});
run();
