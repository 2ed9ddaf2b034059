// A terminal: the server keeps the screen and sends the rows that changed, this shows them and sends what is typed.
"use strict";
for (const box of document.querySelectorAll("[data-terminal]")) {
  const find = (name) => box.querySelector(`[data-terminal-${name}]`);
  const screen = find("screen"), input = find("input"), state = find("state"), again = find("again");
  const view = screen.parentElement;
  let mode = { arrows: false, paste: false }, size = [0, 0], over = false;

  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${box.dataset.terminal}`);
  const send = (what) => { if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what)); };
  const type = (text) => send({ text });
  const say = (text) => { state.textContent = text; };
  const end = (text) => {
    if (over) return;
    over = true;
    say(text);
    again.hidden = false;
    box.classList.add("over");
    input.disabled = true;
  };

  // How many characters fit: a row of ten is measured.
  const fits = () => {
    const probe = document.createElement("span");
    probe.textContent = "0123456789";
    screen.append(probe);
    const { width, height } = probe.getBoundingClientRect();
    probe.remove();
    const style = getComputedStyle(screen);
    const inner = screen.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const line = parseFloat(style.lineHeight) || height;
    const tall = screen.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    box.dataset.line = line;
    box.dataset.character = width / 10;
    return [Math.max(2, Math.floor(tall / line)), Math.max(2, Math.floor(inner / (width / 10)))];
  };
  const fit = () => {
    const now = fits();
    if (socket.readyState !== WebSocket.OPEN || now.join() === size.join()) return;
    size = now;
    send({ size });
  };

  // Colours beyond the sixteen of the style sheet: a cube of six by six by six, and greys.
  const colour = (index) => {
    if (index > 231) { const grey = 8 + (index - 232) * 10; return `rgb(${grey} ${grey} ${grey})`; }
    const part = (by) => { const step = Math.floor((index - 16) / by) % 6; return step ? 55 + step * 40 : 0; };
    return `rgb(${part(36)} ${part(6)} ${part(1)})`;
  };
  const paint = (span, property, letter, shade) => {
    if (shade === null) return;
    if (typeof shade === "number" && shade < 16) span.classList.add(`${letter}${shade}`);
    else span.style[property] = typeof shade === "number" ? colour(shade) : shade;
  };
  const looks = ["bold", "dim", "italic", "underline", "inverse", "wide"];
  const run = ([text, front, ground, bits]) => {
    if (front === null && ground === null && !bits) return document.createTextNode(text);
    const span = document.createElement("span");
    span.textContent = text;
    const turned = bits & 16;
    if (turned && front === null && ground === null) span.classList.add("inverse");
    paint(span, "color", "f", turned ? ground : front);
    paint(span, "backgroundColor", "b", turned ? front : ground);
    looks.forEach((look, bit) => { if (bits & (1 << bit) && look !== "inverse") span.classList.add(look); });
    if (turned && (front === null) !== (ground === null)) span.classList.add(front === null ? "on-front" : "of-ground");
    return span;
  };
  const show = ({ size: [rows], rows: changed, cursor, arrows, paste, back }) => {
    mode = { arrows, paste };
    while (screen.childElementCount > rows) screen.lastElementChild.remove();
    while (screen.childElementCount < rows) screen.append(document.createElement("div"));
    for (const [at, runs] of changed) screen.children[at].replaceChildren(...runs.map(run));
    box.classList.toggle("no-cursor", !cursor);
    box.classList.toggle("back", back > 0);
    if (!cursor) return;
    const first = screen.children[0];
    input.style.left = `${first.offsetLeft + cursor[1] * box.dataset.character}px`;
    input.style.top = `${first.offsetTop + cursor[0] * box.dataset.line}px`;
    input.style.width = `${box.dataset.character}px`;
    input.style.height = `${box.dataset.line}px`;
  };

  socket.onopen = () => { say(box.dataset.open); fit(); input.focus(); };
  socket.onmessage = ({ data }) => {
    const told = JSON.parse(data);
    if (told.end !== undefined) end(told.end);
    else show(told);
  };
  socket.onclose = () => end(box.dataset.lost);
  addEventListener("pagehide", () => socket.close());
  new ResizeObserver(fit).observe(view);

  // Keys, as terminals have always sent them.
  const letters = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" };
  const numbers = { Insert: 2, Delete: 3, PageUp: 5, PageDown: 6, F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24 };
  const plain = { Enter: "\r", Tab: "\t", Escape: "\x1b", Backspace: "\x7f" };
  const code = ({ key, shiftKey, altKey, ctrlKey }) => {
    const held = 1 + (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0);
    if (key === "Tab" && shiftKey) return "\x1b[Z";
    if (plain[key]) return (altKey ? "\x1b" : "") + plain[key];
    if (letters[key]) return held > 1 ? `\x1b[1;${held}${letters[key]}` : `\x1b${mode.arrows ? "O" : "["}${letters[key]}`;
    if (numbers[key]) return `\x1b[${numbers[key]}${held > 1 ? `;${held}` : ""}~`;
    if (/^F[1-4]$/.test(key)) return `\x1bO${"PQRS"[key[1] - 1]}`;
    if (key.length !== 1) return null;
    if (ctrlKey && !altKey && /^[a-z@[\\\]^_ ]$/i.test(key)) return String.fromCharCode(key.toUpperCase().charCodeAt(0) & 31);
    if (altKey && !ctrlKey) return `\x1b${key}`;
    return null;
  };
  input.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, shiftKey, isComposing } = event;
    // What the browser does with these stays its own: F6 leaves, and what is marked is copied.
    if (isComposing || metaKey || key === "F6" || (ctrlKey && shiftKey && /^[cvi]$/i.test(key)) || (ctrlKey && /^v$/i.test(key))) {
      if (key === "F6") { event.preventDefault(); box.querySelector("[data-key]").focus(); }
      return;
    }
    if (shiftKey && (key === "PageUp" || key === "PageDown")) {
      event.preventDefault();
      return send({ scroll: (key === "PageUp" ? 1 : -1) * (size[0] - 1) });
    }
    const text = code(event);
    if (text === null) return;
    event.preventDefault();
    type(text);
  });
  // Everything else that writes: letters, composed ones too, and what a telephone suggests.
  input.addEventListener("input", (event) => {
    if (event.isComposing) return;
    if (input.value) type(input.value.replace(/\n/g, "\r"));
    input.value = "";
  });
  input.addEventListener("compositionend", () => {
    if (input.value) type(input.value);
    input.value = "";
  });
  input.addEventListener("paste", (event) => {
    event.preventDefault();
    const text = event.clipboardData.getData("text").replace(/\r?\n/g, "\r");
    type(mode.paste ? `\x1b[200~${text.replaceAll("\x1b", "")}\x1b[201~` : text);
  });
  // Whoever marks text wants to copy it; a mere click wants to type.
  view.addEventListener("mouseup", () => { if (getSelection().isCollapsed) input.focus({ preventScroll: true }); });
  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = Math.trunc(-event.deltaY / 20) || -Math.sign(event.deltaY);
    if (lines) send({ scroll: lines });
  }, { passive: false });
  for (const button of box.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.key;
      type(code({ key, ctrlKey: key.length === 1 }));
      input.focus({ preventScroll: true });
    });
  }
}
