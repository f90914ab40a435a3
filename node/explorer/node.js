// Asks the node that served this page. Every trouble comes as an error whose text says what to do:
// the node's own words where it has some.

/** Why something could not be had. */
export class Trouble extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

async function ask(path) {
  let answer;
  try {
    answer = await fetch(path, { headers: { accept: "application/json, */*" } });
  } catch {
    throw new Trouble(0, "unreachable", "The node does not answer. Does it still run?");
  }
  if (answer.ok || path === "/readyz") return answer;
  const problem = await answer.json().catch(() => ({}));
  const detail = problem.detail ?? `the node answered ${answer.status}`;
  throw new Trouble(answer.status, problem.code ?? "unknown", detail);
}

/** What is at `path`, as a value. */
export const json = async (path) => (await ask(path)).json();

/** What is at `path`, as bytes. */
export const octets = async (path) => new Uint8Array(await (await ask(path)).arrayBuffer());

export const status = () => json("/v1/status");
export const peers = () => json("/v1/peers");
export const readiness = () => json("/readyz");
export const transaction = (id) => json(`/v1/transactions/${encodeURIComponent(id)}`);
export const body = (id) => json(`/v1/bodies/${encodeURIComponent(id)}`);
export const account = (address) => json(`/v1/accounts/${encodeURIComponent(address)}`);
export const commit = (index) => json(`/v1/commits/${encodeURIComponent(index)}`);
export const proof = (id) => octets(`/v1/proofs/${encodeURIComponent(id)}`);
export const genesis = () => octets("/v1/genesis");

const RETRY_MS = 3000;

/**
 * Listens to server-sent events until the returned function is called. `heard` maps kinds of events
 * to what is done with their data; `changed` is told whether the connection stands. A connection
 * that the node refuses (too many watchers) is tried again: the browser by itself gives up.
 */
export function listen(path, heard, changed = () => {}) {
  let source, timer;
  const open = () => {
    source = new EventSource(path);
    source.onopen = () => changed(true);
    source.onerror = () => {
      changed(false);
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    };
    for (const [kind, act] of Object.entries(heard)) {
      source.addEventListener(kind, (event) => act(JSON.parse(event.data), event.lastEventId));
    }
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/** Does something now and every `ms` after it is done, until the returned function is called. */
export function often(ms, act) {
  let timer, over = false;
  const round = async () => {
    await act();
    if (!over) timer = setTimeout(round, ms);
  };
  round();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
