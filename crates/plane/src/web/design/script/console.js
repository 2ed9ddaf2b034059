// What a server cannot do: keep a page fresh, show progress, close menus. Every page works without it.
"use strict";
{
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const on = (type, selector, act) => document.addEventListener(type, (event) => {
    const found = event.target.closest?.(selector);
    if (found) act(event, found);
  }, type === "toggle");

  const remember = (name, value) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${secure}`;
  };

  // The server shows times in the zone that the browser says it is in.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`zone=${zone}`)) {
    remember("zone", zone);
  }

  // Relative times stay true, in the words of the server (format.rs).
  const relative = new Intl.RelativeTimeFormat(root.lang, { numeric: "always" });
  const units = [
    [2.7e6, "minute", 6e4], [7.92e7, "hour", 3.6e6], [2.2464e9, "day", 8.64e7],
    [2.7648e10, "month", 2.6298e9], [Infinity, "year", 3.15576e10],
  ];
  const freshen = () => {
    for (const time of all("time[data-time]")) {
      const distance = Number(time.dataset.time) - Date.now(), far = Math.abs(distance);
      const [, unit, size] = units.find(([below]) => far < below);
      const count = Math.sign(distance) * Math.max(1, Math.round(far / size));
      const text = far < 45e3 ? root.dataset.justNow : relative.format(count, unit);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  // Times that run, in the form of the server (format.rs): up from when something began, down to when it ends.
  const clock = (millis) => {
    const seconds = Math.floor(millis / 1e3), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    if (hours) return `${hours}\u00a0h ${minutes % 60}\u00a0min`;
    return minutes ? `${minutes}\u00a0min ${seconds % 60}\u00a0s` : `${seconds}\u00a0s`;
  };
  const tick = () => {
    for (const time of all("time[data-since], time[data-left]")) {
      const { since, left } = time.dataset, rest = Number(left) - Date.now();
      const text = since ? clock(Math.max(0, Date.now() - since))
        : rest > 0 ? root.dataset.timeLeft.replace("*", clock(rest)) : root.dataset.timeOver;
      if (time.textContent !== text) time.textContent = text;
    }
  };
  freshen();
  tick();
  setInterval(freshen, 15e3);
  setInterval(tick, 1e3);

  // New markup takes the place of the old with as little change as can be: focus, scrolling and open details stay.
  const morph = (from, to) => {
    if (from.nodeName !== to.nodeName || from.id !== to.id) return from.replaceWith(to.cloneNode(true));
    if (from.nodeType !== 1) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    const old = [...from.childNodes], fresh = [...to.childNodes];
    fresh.forEach((node, at) => (old[at] ? morph(old[at], node) : from.append(node.cloneNode(true))));
    old.slice(fresh.length).forEach((node) => node.remove());
  };

  // A link that acts is a button to whoever hears the page or works by keyboard.
  const upgrade = () => all("[data-dialog], [data-close]").forEach((link) => link.setAttribute("role", "button"));

  // <div data-live="/path">: each event of that address is its new content.
  const follow = (element, path, take) => {
    const source = new EventSource(path);
    element.dataset.lost = root.dataset.lost;
    source.onmessage = (event) => {
      element.classList.remove("lost");
      take(event.data);
    };
    source.onerror = () => element.classList.add("lost");
    source.addEventListener("end", () => { source.close(); element.classList.remove("lost"); });
    addEventListener("pagehide", () => source.close());
  };
  for (const element of all("[data-live]")) {
    follow(element, element.dataset.live, (html) => {
      const fresh = element.cloneNode(false);
      fresh.innerHTML = html;
      morph(element, fresh);
      freshen();
      tick();
      upgrade();
    });
  }
  // <div data-log="/path">: each event is appended; whoever reads at the end stays at the end.
  for (const element of all("[data-log]")) {
    element.scrollTop = element.scrollHeight;
    follow(element, element.dataset.log, (html) => {
      const end = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
      element.insertAdjacentHTML("beforeend", html);
      while (element.childElementCount > 2000) element.firstElementChild.remove();
      if (end) element.scrollTop = element.scrollHeight;
    });
  }

  // Menus close when something else is wanted.
  const closeMenus = (but) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(but)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // Dialogs: without this they are shown by :target.
  on("click", "[data-dialog]", (event, link) => {
    event.preventDefault();
    closeMenus();
    const dialog = document.getElementById(link.hash.slice(1));
    // Whoever closes it goes on where they were, or at the menu that they came from.
    const back = link.closest("details")?.querySelector("summary") ?? link;
    dialog.addEventListener("close", () => back.focus(), { once: true });
    dialog.showModal();
  });
  on("click", "dialog [data-close]", (event, link) => { event.preventDefault(); link.closest("dialog").close(); });
  upgrade();
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches?.("a[role=button]")) { event.preventDefault(); event.target.click(); }
  });
  const named = location.hash && document.querySelector(`dialog[id="${CSS.escape(location.hash.slice(1))}"]`);
  if (named) { history.replaceState(null, "", location.pathname + location.search); named.showModal(); }
  all("[data-confirm]").forEach((field) => {
    const button = field.form.querySelector("button[type=submit]");
    const check = () => { button.disabled = !field.validity.valid; };
    field.addEventListener("input", check);
    check();
  });

  on("click", "[data-copy]", async (event, button) => {
    const field = button.parentElement.querySelector("input"), label = button.querySelector("span");
    const before = label.textContent;
    try { await navigator.clipboard.writeText(field.value); } catch { field.select(); document.execCommand("copy"); }
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 2000);
  });
  on("click", "[data-set-theme]", (event, link) => {
    event.preventDefault();
    root.dataset.theme = link.dataset.setTheme;
    remember("theme", link.dataset.setTheme);
    for (const one of all("[data-set-theme]")) {
      one.removeAttribute("aria-current");
      if (one.dataset.setTheme === root.dataset.theme) one.setAttribute("aria-current", "true");
    }
  });
  all("[data-back]").forEach((link) => {
    link.hidden = history.length < 2;
    link.addEventListener("click", (event) => { event.preventDefault(); history.back(); });
  });

  // <select data-reload>: another choice shows its page at once; without this there is a button.
  on("change", "select[data-reload]", (event, select) => select.form.requestSubmit());

  // <form data-preview="/path">: what the form would bring is shown as one types, in the element named after the form.
  all("form[data-preview]").forEach((form) => {
    const place = document.getElementById(`${form.id}-preview`);
    let wait;
    form.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(async () => {
        const query = new URLSearchParams(new FormData(form));
        query.delete("csrf");
        const answer = await fetch(`${form.dataset.preview}?${query}`, { headers: { "x-fragment": "preview" } });
        if (answer.status === 200) place.innerHTML = await answer.text();
      }, 300);
    });
  });

  // What was sent is not sent twice, and says that it is under way.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button?.classList.contains("button")) return;
    if (button.getAttribute("aria-busy")) return event.preventDefault();
    button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) all("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });

  // Files: dropped or chosen, sent with progress. The server answers with a place to go to, or with what is wrong.
  for (const zone of all("[data-drop]")) {
    const input = zone.querySelector("input"), file = zone.querySelector(".file"), bar = zone.querySelector("progress");
    const errors = zone.parentElement.querySelector("[data-drop-errors]");
    const over = (is) => () => zone.classList.toggle("over", is);
    for (const type of ["dragenter", "dragover"]) input.addEventListener(type, over(true));
    for (const type of ["dragleave", "drop", "blur"]) input.addEventListener(type, over(false));
    input.addEventListener("change", () => {
      file.textContent = [...input.files].map((one) => one.name).join(", ");
      errors.replaceChildren();
      zone.classList.remove("wrong-drop");
    });
    input.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      const request = new XMLHttpRequest(), form = input.form;
      const fail = (html) => {
        errors.innerHTML = html;
        if (!html) errors.textContent = zone.dataset.failed;
        zone.classList.add("wrong-drop");
        bar.hidden = true;
        all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
        errors.scrollIntoView({ block: "nearest" });
      };
      request.open("POST", form.action);
      request.setRequestHeader("x-fragment", "errors");
      request.upload.onprogress = ({ loaded, total }) => {
        bar.hidden = false;
        bar.value = total ? loaded / total * 100 : 0;
      };
      request.onload = () => {
        if (request.status < 400) return location.assign(request.responseURL);
        fail((request.getResponseHeader("content-type") ?? "").startsWith("text/html") ? request.responseText : "");
      };
      request.onerror = () => fail("");
      request.send(new FormData(form));
      event.submitter?.setAttribute("aria-busy", "true");
    });
  }

  // Charts: the values under the pointer, taken from the table.
  for (const chart of all("[data-chart]")) {
    const plot = chart.querySelector(".chart-plot"), rows = all("tr[data-x]", chart);
    const names = all("thead th", chart).slice(1).map((cell) => cell.textContent);
    if (!rows.length) continue;
    const cursor = document.createElement("div"), bubble = document.createElement("div");
    cursor.className = "cursor";
    bubble.className = "bubble";
    const show = (event) => {
      const box = plot.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * 100;
      const row = rows.reduce((best, one) => Math.abs(one.dataset.x - x) < Math.abs(best.dataset.x - x) ? one : best);
      const name = (at) => (names.length > 1 ? `${names[at]} ` : "");
      const values = all("td", row).map((cell, at) => name(at) + cell.textContent);
      bubble.textContent = [...values, row.querySelector("th").textContent].join(" · ");
      plot.append(cursor, bubble);
      const at = row.dataset.x / 100 * box.width;
      cursor.style.left = `${at}px`;
      bubble.style.left = `${Math.min(Math.max(0, at - bubble.offsetWidth / 2), box.width - bubble.offsetWidth)}px`;
      bubble.style.top = "0";
    };
    plot.addEventListener("pointermove", show);
    plot.addEventListener("pointerdown", show);
    plot.addEventListener("pointerleave", () => { cursor.remove(); bubble.remove(); });
  }
}
