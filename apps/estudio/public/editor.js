// The document in CodeMirror. `restore` is called with an edit that could not be sent at an earlier visit.
const place = document.getElementById('editor'), kind = document.getElementById('lenguaje'), title = document.getElementById('titulo');
const editor = Editor.make({
  parent: place, text: JSON.parse(document.getElementById('content').textContent), language: kind.value, label: place.dataset.label,
  changed: () => State.changed(),
});
place.editorView = editor.view;
place.collect = () => State.taken(editor.text());
place.restore = editor.put;
kind.onchange = () => editor.language(kind.value);
title.restore = (text) => { title.value = text; };
kind.restore = (name) => { kind.value = name; editor.language(name); };
