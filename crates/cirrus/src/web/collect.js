// Gathers what rich widgets hold in memory and sends it to be stored.
//
//   <div data-collect="documentos/7/contenido" data-collect-version="{{ collect_version(row.contenido) }}"></div>
//   <script src="/_cirrus/collect.js" defer></script>
//
// On save (a button marked data-collect-save, Ctrl-S), on leaving the page, every data-collect-every seconds (of <body>
// or the element). Whatever cannot be sent is kept and sent later; an edit that began before a newer one was stored is
// never written over it in silence: `cirrus:conflict` is fired and the person chooses.
(() => {
  'use strict';
  if (window.Cirrus?.collect) return;
  const KEY = 'cirrus-collect';
  const adapters = [];
  // "table/id/field" -> version: what the edit began with; sent: what is stored or must not be sent again; left: what a
  // page that went away sent, without an answer; open: the person is asked which version it is to be
  const states = new Map();
  const begun = new Map();
  const dates = (event) => ({
    id: event.id,
    title: event.title,
    start: event.startStr ?? event.start,
    end: event.endStr ?? event.end,
    allDay: event.allDay,
    ...(event.extendedProps && Object.keys(event.extendedProps).length ? { extendedProps: event.extendedProps } : {})
  });
  const within = (el, selector) => (el.matches(selector) ? el : el.querySelector(selector));

  // Each knows one kind of widget: the value as text, or undefined when the element is another kind.
  const builtIn = [
    (el) => (typeof el.collect === 'function' ? el.collect() : undefined),
    (el) => within(el, '.CodeMirror')?.CodeMirror?.getValue(), // CodeMirror 5
    (el) => {
      // CodeMirror 6
      const content = within(el, '.cm-content');
      const view =
        content && (el.editorView ?? content.cmTile?.view ?? content.cmView?.view ?? content.cmView?.rootView?.view);
      return view?.state.doc.toString();
    },
    (el) =>
      window.monaco?.editor
        ?.getEditors?.()
        .find((editor) => el.contains(editor.getDomNode()))
        ?.getValue(),
    (el) => within(el, '.ace_editor')?.env?.editor?.getValue(),
    (el) => {
      // FullCalendar: el.calendar = new FullCalendar.Calendar(el, ...)
      const calendar = el.calendar ?? el._calendar;
      return typeof calendar?.getEvents === 'function' ? JSON.stringify(calendar.getEvents().map(dates)) : undefined;
    },
    (el) => (el instanceof HTMLCanvasElement ? el.toDataURL() : undefined),
    (el) => (el instanceof HTMLInputElement && el.type === 'checkbox' ? el.checked : undefined),
    (el) => (/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) ? el.value : undefined),
    (el) => (el.isContentEditable ? el.innerHTML : undefined)
  ];
  const valueOf = (el) => {
    for (const adapter of [...adapters, ...builtIn]) {
      const value = adapter(el);
      if (value !== undefined && value !== null) return typeof value === 'object' ? JSON.stringify(value) : value;
    }
    return undefined;
  };

  // ---- what could not be sent yet, also after the page is gone
  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  };
  const keep = (all) => {
    try {
      Object.keys(all).length ? localStorage.setItem(KEY, JSON.stringify(all)) : localStorage.removeItem(KEY);
      return true;
    } catch {
      return false;
    }
  };
  const remember = (name, edit) => keep({ ...kept(), [name]: edit });
  const forget = (name, value) => {
    const all = kept();
    if (name in all && (value === undefined || all[name].value === value)) {
      delete all[name];
      keep(all);
    }
  };

  const fire = (type, detail) =>
    document.dispatchEvent(new CustomEvent('cirrus:' + type, { detail, cancelable: true }));
  const elements = () => [...document.querySelectorAll('[data-collect]')];
  const split = (name) => {
    const [table, id, field] = name.split('/');
    return { table, id, field };
  };
  const address = (table) => '/_cirrus/collect/' + encodeURIComponent(table);

  const ask = async (name) => {
    const { table, id, field } = split(name);
    const answer = await fetch(`${address(table)}?id=${encodeURIComponent(id)}&field=${encodeURIComponent(field)}`);
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  };

  const begin = (el) => {
    const name = el.dataset.collect;
    if (!begun.has(name)) begun.set(name, first(el, name));
    return begun.get(name);
  };
  const first = async (el, name) => {
    const state = { version: el.dataset.collectVersion, sent: valueOf(el) };
    states.set(name, state);
    const waiting = kept()[name];
    if (waiting) {
      // an edit of an earlier visit: it began with the version it carries
      state.version = waiting.version;
      fire('restore', { element: el, name, value: waiting.value });
      if (typeof el.restore === 'function') el.restore(waiting.value);
      state.sent = undefined;
    } else if (state.version === undefined) {
      // Without a network the edit is in question when it is sent.
      state.version = (await ask(name).catch(() => ({}))).version;
    }
  };
  // Whether what was sent by a page that went away arrived: it did not go away after all, or came back.
  const arrived = async ([name, state]) => {
    if (state.left === undefined) return;
    const now = await ask(name).catch(() => undefined);
    if (!now) return; // asked again the next time
    if (now.value === state.left) {
      state.version = now.version;
      state.sent = state.left;
      forget(name, state.left);
      fire('stored', { name, version: now.version });
    }
    state.left = undefined;
  };

  // What changed since it was last sent.
  const changed = () => {
    const edits = [];
    for (const el of elements()) {
      const name = el.dataset.collect,
        state = states.get(name);
      if (!state) continue;
      const value = valueOf(el);
      if (value === undefined || value === state.sent) continue;
      edits.push({ name, value, version: state.version });
    }
    return edits;
  };

  const settle = (name, value, told) => {
    const state = states.get(name) ?? {};
    if (told.status === 'stored' || told.status === 'same') {
      state.version = told.version;
      state.sent = value;
      forget(name, value);
      fire('stored', { name, version: told.version });
    } else if (told.status === 'conflict') {
      conflict(name, value, told, state); // still kept: who goes away without choosing is asked again
    } else {
      state.sent = value; // sending the same again would fail again
      forget(name, value);
      fire('error', { name, code: told.code, detail: told.detail });
      notice(told.detail);
    }
  };

  const post = async (table, edits) => {
    const items = edits.map((edit) => ({ ...split(edit.name), value: edit.value, version: edit.version }));
    const body = JSON.stringify({ items });
    const answer = await fetch(address(table), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      keepalive: body.length < 60000
    });
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Error('later');
    const told = answer.ok
      ? (await answer.json()).items
      : edits.map(() => ({ status: 'error', code: answer.status, detail: answer.status + ' ' + answer.statusText }));
    edits.forEach((edit, i) => settle(edit.name, edit.value, told[i]));
  };

  let running = Promise.resolve();
  const send = (edits) => {
    const tables = new Map();
    for (const edit of edits) {
      remember(edit.name, { value: edit.value, version: edit.version, at: Date.now() });
      const t = split(edit.name).table;
      tables.set(t, [...(tables.get(t) ?? []), edit]);
    }
    return Promise.all(
      [...tables].map(([table, list]) =>
        post(table, list).catch(() => fire('offline', { names: list.map((e) => e.name) }))
      )
    );
  };
  // One after the other, so that each edit carries the version that the one before it made.
  const save = () =>
    (running = running.then(async () => {
      await Promise.all(elements().map(begin));
      await Promise.all([...states].map(arrived));
      const edits = changed();
      const names = new Set(edits.map((edit) => edit.name));
      const late = Object.entries(kept())
        .filter(([name]) => !names.has(name) && !states.get(name)?.open)
        .map(([name, edit]) => ({ name, ...edit }));
      if (edits.length + late.length) await send([...edits, ...late]);
    }));

  // The page goes away: no answer can be awaited. What is kept is sent again at the next visit; twice is harmless.
  const leave = () => {
    const edits = changed().filter((edit) => edit.value !== states.get(edit.name).left);
    for (const edit of edits) remember(edit.name, { value: edit.value, version: edit.version, at: Date.now() });
    for (const table of new Set(edits.map((edit) => split(edit.name).table))) {
      const own = edits.filter((edit) => split(edit.name).table === table);
      const items = own.map((edit) => ({ ...split(edit.name), value: edit.value, version: edit.version }));
      const blob = new Blob([JSON.stringify({ items })], { type: 'application/json' });
      if (blob.size < 60000 && navigator.sendBeacon(address(table), blob))
        for (const edit of own) states.get(edit.name).left = edit.value;
    }
  };

  // ---- people
  const es = (document.documentElement.lang || navigator.language || 'es').startsWith('es');
  const bar = (text, buttons) => {
    const box = document.createElement('div');
    box.setAttribute('role', 'alert');
    box.style.cssText =
      'position:fixed;inset:auto 1em 1em;z-index:99999;padding:1em;background:#223;color:#fff;' +
      'border-radius:8px;font:15px system-ui';
    box.append(text);
    for (const [label, act] of buttons) {
      const button = document.createElement('button');
      button.textContent = label;
      button.style.marginLeft = '1em';
      button.type = 'button';
      button.onclick = () => {
        box.remove();
        act?.();
      };
      box.append(button);
    }
    document.body.append(box);
    return box;
  };
  const notice = (text) => {
    const box = bar(text ?? '', [['OK']]);
    setTimeout(() => box.remove(), 8000);
  };
  const conflict = (name, mine, told, state) => {
    const resolve = {
      mine: () => {
        state.open = false;
        state.version = told.version;
        state.sent = undefined;
        return send([{ name, value: mine, version: told.version }]);
      },
      theirs: () => {
        state.open = false;
        forget(name);
        state.version = told.version;
        state.sent = told.value;
        const el = elements().find((element) => element.dataset.collect === name);
        if (typeof el?.restore === 'function') el.restore(told.value);
        else if (el) location.reload();
      }
    };
    states.set(name, state);
    state.bar?.remove();
    state.open = true;
    state.sent = mine; // not sent again until the person chose
    if (fire('conflict', { name, mine, theirs: told.value, version: told.version, resolve }))
      state.bar = bar(
        es
          ? 'Alguien guardó otra versión mientras usted editaba.'
          : 'Somebody stored another version while you were editing.',
        [
          [es ? 'Guardar la mía' : 'Keep mine', resolve.mine],
          [es ? 'Usar la otra' : 'Use theirs', resolve.theirs]
        ]
      );
  };

  addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's' && elements().length) {
      event.preventDefault();
      save();
    }
  });
  addEventListener('click', (event) => {
    if (event.target.closest?.('[data-collect-save]')) save();
  });
  addEventListener('pagehide', leave);
  const back = () => {
    if ([...states.values()].some((state) => state.left !== undefined)) save();
  };
  document.addEventListener('visibilitychange', () => (document.visibilityState === 'hidden' ? leave() : back()));
  addEventListener('pageshow', back);
  addEventListener('online', save);
  const start = async () => {
    await Promise.all(elements().map(begin));
    if (Object.keys(kept()).length) save();
    const periods = [document.body, ...elements()]
      .map((el) => Number(el.dataset.collectEvery))
      .filter((seconds) => seconds > 0);
    if (periods.length) setInterval(save, Math.min(...periods) * 1000);
  };
  window.Cirrus = Object.assign(window.Cirrus ?? {}, {
    collect: {
      save,
      adapter: (adapter) => adapters.unshift(adapter),
      value: valueOf,
      begin: (el) => begin(el),
      pending: kept
    }
  });
  // After the page's own scripts have made their widgets.
  if (document.readyState === 'complete') start();
  else addEventListener('load', () => setTimeout(start));
})();
