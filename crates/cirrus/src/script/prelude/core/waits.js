// What waits: timers, fetch, jobs.
const waiting = new Map();
const wait = (start) =>
  new Promise((resolve, reject) => {
    waiting.set(start(), { resolve, reject });
  });
const settle = (id, ok, value) => {
  const w = waiting.get(id);
  if (!w) return;
  if (!w.again) waiting.delete(id);
  if (w.fn) {
    try {
      const r = w.fn(...w.args);
      r?.then?.(undefined, (e) => native.log('error', describe(e)));
    } catch (e) {
      native.log('error', describe(e));
    }
    return;
  }
  if (ok) w.resolve(value);
  else w.reject(new Error(value));
};
const timer = (fn, ms, args, again) => {
  handler(fn);
  ms = Math.max(again ? 1 : 0, Math.min(+ms || 0, 2147483647));
  if (native.loading()) {
    job(again ? 'every' : 'once', ms, () => fn(...args));
    return -1;
  }
  const id = native.timer(ms, again);
  waiting.set(id, { fn, args, again });
  return id;
};
g.setTimeout = (fn, ms, ...args) => timer(fn, ms, args, false);
g.setInterval = (fn, ms, ...args) => timer(fn, ms, args, true);
g.clearTimeout = g.clearInterval = (id) => {
  if (waiting.delete(id)) native.clear(id);
};
g.setImmediate = (fn, ...args) => timer(fn, 0, args, false);
g.queueMicrotask ??= (fn) => {
  Promise.resolve().then(fn);
};
const run = (index, id) => {
  const end = (e) => native.jobDone(id, e === undefined ? undefined : describe(e));
  try {
    const r = jobs[index]();
    if (r && typeof r.then === 'function')
      r.then(
        () => end(),
        (e) => end(e ?? new Error('rejected'))
      );
    else end();
  } catch (e) {
    end(e);
  }
};
